//! Carries a request of a device without a network to the licensing server, and writes the answer down.
//!
//! ```text
//! cargo run --example relay -- https://licenses.example.com request.txt answer.txt [LICENSE-KEY]
//! ```
//!
//! The key is needed only where the request says so: for an activation that the device wrote without one.
//! Run it on any machine that reaches the server. The request holds the license key or the lease of the device, nothing
//! about the person who carries it; the answer is of use on that one device only.

use holdfast_sdk::RelayRequest;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ([endpoint, request, answer], key) = match arguments.as_slice() {
        [endpoint, request, answer] => ([endpoint, request, answer], None),
        [endpoint, request, answer, key] => ([endpoint, request, answer], Some(key)),
        _ => return Err("usage: relay ENDPOINT REQUEST-FILE ANSWER-FILE [LICENSE-KEY]".into()),
    };
    let text = std::fs::read_to_string(request)?;
    let mut request = RelayRequest::parse(&text).ok_or("the file holds no request")?;
    if let Some(key) = key {
        request = request.with_key(key);
    }
    if request.needs_key() {
        return Err("this request lacks the license key: name it as the last argument".into());
    }
    let url = format!("{}{}", endpoint.trim_end_matches('/'), request.path());
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let mut response = agent.post(&url).header("Content-Type", "application/json").send(request.body.to_string())?;
    // A refusal is an answer, too: the device verifies what it is given.
    std::fs::write(answer, response.body_mut().read_to_string()?)?;
    println!("The server answered with {}; bring {answer} back to the device.", response.status());
    Ok(())
}
