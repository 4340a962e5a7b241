//! Makes `target/site`: the WebAssembly module with its JavaScript, the style sheet, the fonts; hashed and compressed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    io::Write,
    iter,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    thread,
    time::Instant,
};

use sha2::{Digest, Sha256};

use crate::{
    packs::{SHARED, Sections, loader, packs},
    toolchain::{self, Warnings, root, status, status_without},
};

/// Whether the bundle is made small.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Optimise {
    /// As delivered.
    Yes,
    /// Far quicker to build, far larger to load, not compressed.
    No,
}

impl Optimise {
    const fn profile(self) -> &'static str {
        match self {
            Self::Yes => "wasm-release",
            Self::No => "wasm-dev",
        }
    }
}

/// Fonts by the name the style sheet gives them, with their file in the npm packages.
const FONTS: [(&str, &str); 3] = [
    ("inter-latin.woff2", "node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2"),
    ("inter-latin-ext.woff2", "node_modules/@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2"),
    (
        "mono-latin.woff2",
        "node_modules/@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
    ),
];

/// What the compiler uses and every current browser has. Not `--all-features`: that lets the optimiser write what only
/// the newest engines read.
const WASM_FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// How the optimiser begins to say that a module names what it has no notion of. It writes no names at all.
const NAMES: &str = "warning: unknown name subsection";

/// The most that a browser loads for a page, brotli-compressed: the main module and the modules of the page's section.
const WASM_BUDGET: usize = 350_000;

/// The main module, as what binds it names it.
const MAIN: &str = "holdfast_bg";

/// What loads a section's module, beside the module's own script. Each of the two imports the other.
const LOADER: &str = "holdfast-sections.js";

/// The files of one bundle, by logical name, on their way to hashed names.
struct Site {
    directory: PathBuf,
    optimise: Optimise,
    manifest: BTreeMap<String, String>,
    /// The files that each section loads beside the main module.
    sections: BTreeMap<String, Vec<String>>,
}

impl Site {
    fn new(directory: PathBuf, optimise: Optimise) -> Result<Self, String> {
        if directory.exists() {
            fs::remove_dir_all(&directory).map_err(said("clearing", &directory))?;
        }
        fs::create_dir_all(&directory).map_err(said("creating", &directory))?;
        Ok(Self { directory, optimise, manifest: BTreeMap::new(), sections: BTreeMap::new() })
    }

    /// Writes one file under a name that carries its hash, with compressed twins where they help.
    /// Returns the hashed name and the smallest size in bytes.
    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(String, usize), String> {
        let hashed = hashed(name, bytes);
        let smallest = self.add_as(name, &hashed, bytes)?;
        Ok((hashed, smallest))
    }

    /// The same under a name that was made before.
    fn add_as(&mut self, name: &str, hashed: &str, bytes: &[u8]) -> Result<usize, String> {
        let (_, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
        let path = self.directory.join(hashed);
        fs::write(&path, bytes).map_err(said("writing", &path))?;
        let mut smallest = bytes.len();
        if extension != "woff2" && self.optimise == Optimise::Yes {
            for (suffix, packed) in [("gz", gzip(bytes)?), ("br", brotli(bytes)?)] {
                smallest = smallest.min(packed.len());
                let path = self.directory.join(format!("{hashed}.{suffix}"));
                fs::write(&path, packed).map_err(said("writing", &path))?;
            }
        }
        println!("  {hashed:<44} {:>9} B, compressed {smallest:>7} B", bytes.len());
        self.manifest.insert(name.to_owned(), hashed.to_owned());
        Ok(smallest)
    }
}

/// A name that carries the hash of `bytes`.
fn hashed(name: &str, bytes: &[u8]) -> String {
    let hash = hex(&Sha256::digest(bytes)[..8]);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
    format!("{stem}.{hash}.{extension}")
}

fn said<'a>(doing: &'a str, path: &'a Path) -> impl Fn(std::io::Error) -> String + 'a {
    move |error| format!("{doing} {}: {error}", path.display())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(|error| format!("gzip: {error}"))
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut packed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 24, ..Default::default() };
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &parameters).map_err(|error| format!("brotli: {error}"))?;
    Ok(packed)
}

fn tool(name: &str) -> Result<PathBuf, String> {
    let path = root().join("node_modules/.bin").join(name);
    if path.exists() { Ok(path) } else { Err(format!("{name} is missing: run `npm ci` (scripts/setup.sh does)")) }
}

/// Every input of the bundle in one hash: when it has not changed, neither has the bundle.
fn fingerprint(module: &Path, optimise: Optimise) -> Result<String, String> {
    let mut inputs = vec![module.to_path_buf(), root().join("package-lock.json")];
    for entry in fs::read_dir(root().join("style")).map_err(said("reading", Path::new("style")))? {
        inputs.push(entry.map_err(|error| error.to_string())?.path());
    }
    inputs.sort();
    let mut hash = Sha256::new();
    for program in [include_bytes!("bundle.rs").as_slice(), include_bytes!("packs.rs")] {
        hash.update(program);
    }
    hash.update([u8::from(optimise == Optimise::Yes)]);
    for input in inputs {
        hash.update(input.to_string_lossy().as_bytes());
        hash.update(Sha256::digest(fs::read(&input).map_err(said("reading", &input))?));
    }
    // The style sheet holds only the classes that the sources name.
    for source in sources(&root().join("app/src"))? {
        hash.update(Sha256::digest(fs::read(&source).map_err(said("reading", &source))?));
    }
    Ok(hex(&hash.finalize()))
}

fn sources(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(said("reading", directory))? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Takes the module apart into `main.wasm`, a module for each section and for what several share, and what loads them.
/// Returns which modules each section needs beside the main one, by name.
fn split(module: &[u8], work: &Path) -> Result<Sections, String> {
    let main = work.join("main.wasm");
    let link = format!("./{LOADER}");
    let mut options = wasm_split_cli_support::Options::new(module);
    options.output_dir = work;
    options.main_out_path = &main;
    options.link_name = &link;
    options.main_module = "./holdfast.js";
    let split = wasm_split_cli_support::transform(options).map_err(|error| format!("wasm-split: {error:#}"))?;
    Ok(split.prefetch_map.into_iter().collect())
}

/// The modules of these names, made small.
fn small<'a>(
    names: impl IntoIterator<Item = &'a str>,
    work: &Path,
    optimise: Optimise,
) -> Result<BTreeMap<&'a str, Vec<u8>>, String> {
    let one = |name: &str| {
        let (mut path, small) = (work.join(format!("{name}.wasm")), work.join(format!("{name}.small.wasm")));
        if optimise == Optimise::Yes {
            // The least that helps: -Oz makes a smaller module that compresses to a larger one (410 KB against 370 KB).
            let passes = ["-O1", "--dae-optimizing"];
            let mut optimiser = Command::new(tool("wasm-opt")?);
            status_without(NAMES, optimiser.args(passes).args(WASM_FEATURES).arg("-o").arg(&small).arg(&path))?;
            path = small;
        }
        fs::read(&path).map_err(said("reading", &path))
    };
    // Whoever is free takes the next one.
    let waiting = Mutex::new(names.into_iter().collect::<Vec<_>>());
    let work_off = || -> Result<Vec<(&str, Vec<u8>)>, String> {
        iter::from_fn(|| waiting.lock().ok()?.pop()).map(|name| Ok((name, one(name)?))).collect()
    };
    thread::scope(|scope| {
        let mut modules = BTreeMap::new();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let at_work: Vec<_> = (0..cores).map(|_| scope.spawn(work_off)).collect();
        for worker in at_work {
            modules.extend(worker.join().map_err(|_| "optimising the modules failed".to_owned())??);
        }
        Ok(modules)
    })
}

/// Adds the modules and their scripts to the site. Returns what a browser loads at most for a page, compressed.
fn add_modules(site: &mut Site, work: &Path, sections: &Sections) -> Result<usize, String> {
    let text = |name: &str| {
        let path = work.join(name);
        fs::read_to_string(&path).map_err(said("reading", &path))
    };
    let names: BTreeSet<&str> = sections.values().flatten().map(String::as_str).collect();
    // The main one takes longest, so it is taken first, from the end.
    let mut modules = small(names.into_iter().chain([MAIN]), work, site.optimise)?;
    let main = modules.remove(MAIN).ok_or("there is no main module")?;
    let (_, main_size) = site.add("holdfast.wasm", &main)?;
    let packed = packs(sections, &modules);
    let mut files = BTreeMap::new();
    for (name, pack) in &packed {
        files.insert(name.as_str(), site.add(&format!("{name}.pack"), &pack.bytes)?);
    }
    let shared = files.get(SHARED).map_or(0, |(_, size)| *size);
    let mut largest = 0;
    for (name, (hashed, size)) in &files {
        if *name != SHARED {
            println!("  section {name:<12} {:>7} B more", shared + size);
            largest = largest.max(shared + size);
            let shared = files.get(SHARED).map(|(shared, _)| shared.clone());
            site.sections.insert((*name).to_owned(), shared.into_iter().chain([hashed.clone()]).collect());
        }
    }
    let loader = loader(&text(LOADER)?, &packed, &files)?;
    // Each script names the other, so their hashes are of what they were before.
    let script = text("holdfast.js")?;
    let both = format!("{script}{loader}");
    let (script_name, loader_name) = (hashed("holdfast.js", both.as_bytes()), hashed(LOADER, both.as_bytes()));
    // Where it is imported from; the module itself goes on calling it by its old name.
    let script = script.replace(&format!("from \"./{LOADER}\""), &format!("from \"./{loader_name}\""));
    let loader = loader.replace("./holdfast.js", &format!("./{script_name}"));
    site.add_as("holdfast.js", &script_name, script.as_bytes())?;
    site.add_as(LOADER, &loader_name, loader.as_bytes())?;
    Ok(main_size + largest)
}

/// Builds the browser side into `target/site`; does nothing when no input has changed since.
///
/// Fails when a tool is missing, when a compiler complains, or when the module is over its budget.
pub fn run(optimise: Optimise, warnings: Warnings) -> Result<(), String> {
    let began = Instant::now();
    let compiler = toolchain::find()?;
    println!("browser side: compiling with {compiler}");
    let module = compiler.build(optimise.profile(), warnings)?;
    let target = root().join("target");
    let stamp = target.join("site.stamp");
    let fingerprint = fingerprint(&module, optimise)?;
    let site_directory = target.join("site");
    if site_directory.join("manifest.json").exists() && fs::read_to_string(&stamp).is_ok_and(|old| old == fingerprint) {
        println!("browser side: up to date ({:.1} s)", began.elapsed().as_secs_f32());
        return Ok(());
    }

    let work = target.join("site-work");
    if work.exists() {
        fs::remove_dir_all(&work).map_err(said("clearing", &work))?;
    }
    fs::create_dir_all(&work).map_err(said("creating", &work))?;
    let read = |path: &Path| fs::read(path).map_err(said("reading", path));
    let parts = split(&read(&module)?, &work)?;
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(work.join("main.wasm"))
        // The other modules refer to what it exports, by the names of the linker.
        .keep_lld_exports(true)
        .demangle(false)
        .web(true)
        .map_err(|error| format!("wasm-bindgen: {error}"))?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .out_name("holdfast")
        .generate(&work)
        .map_err(|error| format!("wasm-bindgen: {error:#}"))?;
    if work.join("snippets").exists() {
        return Err("a dependency brings inline JavaScript, which the content security policy would refuse".into());
    }
    let css = work.join("holdfast.css");
    status(
        Command::new("node")
            .arg(root().join("node_modules/@tailwindcss/cli/dist/index.mjs"))
            .args(["--minify", "-i"])
            .arg(root().join("style/main.css"))
            .arg("-o")
            .arg(&css)
            .env("NO_COLOR", "1")
            .current_dir(root()),
    )?;

    // Written beside the old bundle and swapped in whole, so that a server reading from disk never sees half of one.
    let next = target.join("site-next");
    let mut site = Site::new(next.join("assets"), optimise)?;
    let wasm_size = add_modules(&mut site, &work, &parts)?;
    site.add("favicon.svg", &read(&root().join("style/favicon.svg"))?)?;
    let mut style = String::from_utf8(read(&css)?).map_err(|error| format!("the style sheet: {error}"))?;
    for (name, file) in FONTS {
        let (hashed, _) = site.add(name, &read(&root().join(file))?)?;
        style = style.replace(&format!("/assets/{name}"), &format!("/assets/{hashed}"));
    }
    if style.contains("url(http") || style.contains("@import") {
        return Err("the style sheet loads something from elsewhere".into());
    }
    site.add("holdfast.css", style.as_bytes())?;
    for (name, map) in [
        ("manifest.json", serde_json::to_vec_pretty(&site.manifest)),
        ("sections.json", serde_json::to_vec_pretty(&site.sections)),
    ] {
        fs::write(next.join(name), map.map_err(|error| error.to_string())?).map_err(said("writing", &next))?;
    }
    if site_directory.exists() {
        fs::remove_dir_all(&site_directory).map_err(said("clearing", &site_directory))?;
    }
    fs::rename(&next, &site_directory).map_err(said("moving", &next))?;

    if warnings == Warnings::Refuse && optimise == Optimise::Yes && wasm_size > WASM_BUDGET {
        return Err(format!("a page loads {wasm_size} B of modules, compressed, over their budget of {WASM_BUDGET} B"));
    }
    fs::write(&stamp, &fingerprint).map_err(said("writing", &stamp))?;
    println!(
        "browser side: built in {:.1} s; modules of a page {} KB at most{}",
        began.elapsed().as_secs_f32(),
        wasm_size.div_ceil(1000),
        match optimise {
            Optimise::Yes => format!(" compressed (limit {} KB)", WASM_BUDGET / 1000),
            Optimise::No => String::new(),
        }
    );
    Ok(())
}
