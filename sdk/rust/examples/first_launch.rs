//! The program that a product's page in the console shows, to be pasted as it is. The server puts the product's own values
//! into the texts in quotes and leaves these lines out, so what a vendor pastes is what is compiled here.

use holdfast_sdk::Licensing;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let licensing = Licensing::builder("prd_…", ["your root public key"])
        .endpoints(["https://licenses.example.com"])
        .allow_plain_http() // for trying it out only
        .storage("license") // a folder of each user account that updates leave alone
        .build()?;

    // Reads a file; never touches the network.
    if !licensing.check_on_launch().entitled() {
        println!("License key:");
        let mut key = String::new();
        std::io::stdin().read_line(&mut key)?;
        licensing.activate(key.trim())?;
    }
    println!("{:?}", licensing.state().verdict);
    Ok(())
}
