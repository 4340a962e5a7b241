//! Writes the files that are made from the list of alerts: run it in the repository's root after a change of a rule.

mod files;

fn main() -> std::io::Result<()> {
    for (path, text) in files::all() {
        if let Some(folder) = std::path::Path::new(path).parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text)?;
        println!("{path}");
    }
    Ok(())
}
