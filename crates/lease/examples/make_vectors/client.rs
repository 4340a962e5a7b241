pub fn file() -> String {
    String::new()
}
