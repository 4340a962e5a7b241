//! The modules of a section in one file: hundreds of small ones, each compressed by itself and asked for by itself, would
//! weigh half as much again.
//!
//! What more than half of the sections need is in a file of its own, which is loaded once. Everything else is in the file of
//! each section that needs it, so a browser that goes through many sections loads some of it again, and makes a module of it
//! only once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// The modules that each section needs beside the main one, by name.
pub type Sections = BTreeMap<String, Vec<String>>;

/// The name of the file of what most sections need.
pub const SHARED: &str = "shared";

/// Modules one after the other, and where each begins and ends.
#[derive(Default)]
pub struct Pack {
    /// What is written.
    pub bytes: Vec<u8>,
    /// The first byte of each module and the one after its last.
    places: BTreeMap<String, (usize, usize)>,
}

impl Pack {
    fn of<'a>(names: impl IntoIterator<Item = &'a str>, modules: &BTreeMap<&str, Vec<u8>>) -> Self {
        let mut pack = Self::default();
        for name in names {
            let from = pack.bytes.len();
            pack.bytes.extend(modules.get(name).into_iter().flatten());
            pack.places.insert(name.to_owned(), (from, pack.bytes.len()));
        }
        pack
    }
}

/// The files by name: that of each section, and [`SHARED`].
pub fn packs(sections: &Sections, modules: &BTreeMap<&str, Vec<u8>>) -> BTreeMap<String, Pack> {
    let mut users: BTreeMap<&str, usize> = BTreeMap::new();
    for name in sections.values().flatten() {
        *users.entry(name).or_default() += 1;
    }
    let is_shared = |name: &str| users.get(name).is_some_and(|users| users * 2 > sections.len());
    let shared = Pack::of(users.keys().copied().filter(|name| is_shared(name)), modules);
    let own = sections.iter().map(|(section, names)| {
        let names: BTreeSet<&str> = names.iter().map(String::as_str).filter(|name| !is_shared(name)).collect();
        (section.clone(), Pack::of(names, modules))
    });
    own.chain([(SHARED.to_owned(), shared)]).collect()
}

/// How the loader asks for a module, and what it makes of the answer.
const ASKS: (&str, &str) = ("fetch(new URL(\"./", ".wasm\", import.meta.url))");
const MAKES: &str = "WebAssembly.instantiateStreaming(src, imports)";
/// How it offers a section.
const OFFERS: (&str, &str) = ("export const __wasm_split_load_", " = wrapAsyncCb(makeLoad(");

/// The script that loads sections, from `script`, which loads each module by itself: it takes them from the `files` of the
/// packs, each of which has a hashed name and a size.
///
/// Fails where `script` is not written as expected.
pub fn loader(
    script: &str,
    packs: &BTreeMap<String, Pack>,
    files: &BTreeMap<&str, (String, usize)>,
) -> Result<String, String> {
    let mut rest = script;
    let mut out = String::new();
    let mut asked = BTreeSet::new();
    while let Some((before, after)) = rest.split_once(ASKS.0) {
        let (name, after) = after.split_once(ASKS.1).ok_or("the loader asks for something else than a module")?;
        out.extend([before, "part(\"", name, "\")"]);
        asked.insert(name);
        rest = after;
    }
    out.push_str(rest);
    let packed: BTreeSet<&str> = packs.values().flat_map(|pack| pack.places.keys().map(String::as_str)).collect();
    if asked.is_empty() || !asked.is_subset(&packed) {
        return Err("the loader asks for modules that are in no pack".into());
    }
    let makes = out.matches(MAKES).count();
    let out = out.replace(MAKES, "WebAssembly.instantiate(await src, imports)");
    // A section says which it is before it asks for its modules, which it does at once.
    let mut offered = 0;
    let mut lines = Vec::new();
    for line in out.lines() {
        match line.strip_prefix(OFFERS.0).and_then(|line| line.split_once(OFFERS.1)) {
            Some((section, rest)) if files.contains_key(section) => {
                offered += 1;
                lines.push(format!("{}{section} = wrapAsyncCb(within({section:?}, makeLoad({rest}", OFFERS.0));
            }
            Some(_) => return Err("the loader offers a section without a pack".into()),
            None if line.ends_with("]));") => lines.push(format!("{})));", line.trim_end_matches("));"))),
            None => lines.push(line.to_owned()),
        }
    }
    if makes != asked.len() || offered + 1 != files.len() {
        return Err("the loader is not written as expected".into());
    }
    let places: BTreeMap<&str, Value> = packs.iter().map(|(name, pack)| (name.as_str(), json!(pack.places))).collect();
    let names: BTreeMap<&str, &String> = files.iter().map(|(name, (hashed, _))| (*name, hashed)).collect();
    let (places, names) = (json!(places), json!(names));
    // In front of what uses it; imports are lifted before everything anyway.
    Ok(format!("const PLACES = {places};\nconst FILES = {names};\n{PARTS}{}\n", lines.join("\n")))
}

/// Takes modules out of packs. A file that did not come is asked for again the next time.
const PARTS: &str = r#"let section;
const open = new Map();
const within = (name, load) => () => {
    section = name;
    return load();
};
const pack = (name) => {
    if (!open.has(name)) {
        const file = new URL(`./${FILES[name]}`, import.meta.url);
        const bytes = fetch(file).then((response) => {
            if (!response.ok) throw new Error(`${response.status} for ${file}`);
            return response.arrayBuffer();
        });
        bytes.catch(() => open.delete(name));
        open.set(name, bytes);
    }
    return open.get(name);
};
const part = async (name) => {
    const from = name in PLACES.shared ? "shared" : section;
    const [begin, end] = PLACES[from][name];
    return new Uint8Array(await pack(from), begin, end - begin);
};
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn sections() -> Sections {
        let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        [
            ("door".to_owned(), of(&["chunk_1", "split_door"])),
            ("lists".to_owned(), of(&["chunk_1", "chunk_2", "split_lists"])),
            ("sales".to_owned(), of(&["chunk_1", "chunk_2", "chunk_3", "split_sales"])),
            ("tools".to_owned(), of(&["chunk_3", "split_tools"])),
        ]
        .into()
    }

    fn packed() -> BTreeMap<String, Pack> {
        let modules = ["chunk_1", "chunk_2", "chunk_3", "split_door", "split_lists", "split_sales", "split_tools"];
        packs(&sections(), &modules.into_iter().map(|name| (name, name.as_bytes().to_vec())).collect())
    }

    #[test]
    fn a_section_finds_everything_it_needs_and_most_share_it_once() {
        let packed = packed();
        assert_eq!(packed[SHARED].bytes, b"chunk_1");
        for (section, names) in sections() {
            for name in names {
                let pack = packed[&section].places.get(&name).map(|place| (&packed[&section], place));
                let (pack, (from, to)) =
                    pack.or_else(|| Some((&packed[SHARED], packed[SHARED].places.get(&name)?))).unwrap();
                assert_eq!(&pack.bytes[*from..*to], name.as_bytes());
            }
        }
        assert_eq!(packed["sales"].bytes, b"chunk_2chunk_3split_sales");
        assert_eq!(packed["lists"].bytes, b"chunk_2split_lists");
    }

    fn module(name: &str) -> String {
        format!(
            "makeLoad(() => {{\n    const src = fetch(new URL(\"./{name}.wasm\", import.meta.url));\n    return async (imports) => (WebAssembly.instantiateStreaming(src, imports));\n}}\n, "
        )
    }

    #[test]
    fn the_loader_takes_modules_from_packs_and_another_one_is_refused() {
        let packed = packed();
        let files: BTreeMap<&str, (String, usize)> =
            packed.keys().map(|name| (name.as_str(), (format!("{name}.0123.pack"), 1))).collect();
        let mut script = String::from("import { initSync } from \"./holdfast.js\";\n");
        for name in ["chunk_1", "chunk_2", "chunk_3"] {
            script.extend(["const __", name, " = ", &module(name), "[]);\n"]);
        }
        for (section, names) in sections() {
            let needs: Vec<String> =
                names.iter().filter(|name| name.starts_with("chunk")).map(|name| format!("__{name}")).collect();
            let load = module(&format!("split_{section}"));
            let offer =
                format!("export const __wasm_split_load_{section} = wrapAsyncCb({load}[{}]));\n", needs.join(", "));
            script.push_str(&offer);
        }
        let made = loader(&script, &packed, &files).unwrap();
        assert!(!made.contains(".wasm") && !made.contains("instantiateStreaming"), "{made}");
        assert!(made.contains("const src = part(\"chunk_2\");"), "{made}");
        assert!(made.contains("\"sales\":\"sales.0123.pack\""), "{made}");
        assert!(made.contains("load_sales = wrapAsyncCb(within(\"sales\", makeLoad(() => {"), "{made}");
        assert!(made.contains("\n, [__chunk_1, __chunk_2, __chunk_3])));"), "{made}");
        assert!(made.contains("const __chunk_1 = makeLoad(") && made.contains("\n, []);"), "{made}");
        assert!(loader(&script.replace("chunk_2", "chunk_9"), &packed, &files).is_err());
        assert!(loader(&script.replace("Streaming", ""), &packed, &files).is_err());
    }
}
