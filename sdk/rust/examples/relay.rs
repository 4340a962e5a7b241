//! Carries a request of a device without a network to the licensing server, and writes the answer down.
//!
//! ```text
//! cargo run --example relay -- https://licenses.example.com request.txt answer.txt
//! ```
//!
//! Run it on any machine that reaches the server. The request holds the license key or the lease of the device, nothing
//! about the person who carries it; the answer is of use on that one device only.

use holdfast_sdk::RelayRequest;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, request, answer] = arguments.as_slice() else {
        return Err("usage: relay ENDPOINT REQUEST-FILE ANSWER-FILE".into());
    };
    let text = std::fs::read_to_string(request)?;
    let request = RelayRequest::parse(&text).ok_or("the file holds no request")?;
    let url = format!("{}{}", endpoint.trim_end_matches('/'), request.path());
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let mut response = agent.post(&url).header("Content-Type", "application/json").send(request.body.to_string())?;
    // A refusal is an answer, too: the device verifies what it is given.
    std::fs::write(answer, response.body_mut().read_to_string()?)?;
    println!("The server answered with {}; bring {answer} back to the device.", response.status());
    Ok(())
}
