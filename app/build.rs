//! Tells cargo that a release build embeds the browser bundle, so that a new bundle means a new binary.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_SSR").is_some() && std::env::var("PROFILE").is_ok_and(|p| p == "release") {
        println!("cargo:rerun-if-changed=../target/site/manifest.json");
    }
}
