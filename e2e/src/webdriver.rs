//! The WebDriver protocol (W3C Recommendation), as far as it is needed.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use serde_json::{Value, json};

use crate::process::PATIENCE;

/// The member that makes a JSON object an element reference (12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys for [`crate::Chromium::press`] (17.4.2).
pub mod key {
    /// Tab.
    pub const TAB: char = '\u{e004}';
    /// Enter.
    pub const ENTER: char = '\u{e007}';
    /// Shift, held until the end of the sequence.
    pub const SHIFT: char = '\u{e008}';
}

/// A session at a driver.
#[derive(Debug)]
pub(crate) struct Session {
    port: u16,
    id: String,
}

/// Something on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element(String);

impl Session {
    pub(crate) fn new(port: u16, capabilities: &Value) -> Self {
        let body = json!({"capabilities": {"alwaysMatch": capabilities}});
        let answer = exchange(port, "POST", "/session", Some(&body))
            .unwrap_or_else(|e| panic!("no session: {e}"));
        let id = answer["sessionId"].as_str().unwrap().to_owned();
        Self { port, id }
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let path = format!("/session/{}/{path}", self.id);
        exchange(self.port, "POST", &path, Some(body))
    }

    pub(crate) fn read(&self, path: &str) -> Result<Value, String> {
        exchange(
            self.port,
            "GET",
            &format!("/session/{}/{path}", self.id),
            None,
        )
    }

    /// Chromium's own commands (Chrome `DevTools` Protocol).
    pub(crate) fn devtools(&self, command: &str, params: &Value) -> Value {
        self.post(
            "goog/cdp/execute",
            &json!({"cmd": command, "params": params}),
        )
        .unwrap_or_else(|e| panic!("{command}: {e}"))
    }

    pub(crate) fn elements(&self, css: &str) -> Vec<Element> {
        let body = json!({"using": "css selector", "value": css});
        let found = self.post("elements", &body).unwrap_or_default();
        let found = found.as_array().into_iter().flatten();
        found.filter_map(element).collect()
    }

    pub(crate) fn active(&self) -> Option<Element> {
        element(&self.read("element/active").ok()?)
    }

    pub(crate) fn of(&self, element: &Element, what: &str) -> Value {
        self.read(&format!("element/{}/{what}", element.0))
            .unwrap_or_default()
    }

    pub(crate) fn act(&self, element: &Element, what: &str, body: &Value) -> Result<Value, String> {
        self.post(&format!("element/{}/{what}", element.0), body)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Chromium outlives a driver that is killed.
        let _ = exchange(self.port, "DELETE", &format!("/session/{}", self.id), None);
    }
}

fn element(value: &Value) -> Option<Element> {
    value[ELEMENT].as_str().map(|id| Element(id.to_owned()))
}

fn exchange(port: u16, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
    let answer = send(port, method, path, body).map_err(|e| format!("{path}: {e}"))?;
    let value = &answer["value"];
    match value["error"].as_str() {
        Some(error) => {
            let message = value["message"].as_str().unwrap_or_default();
            let first = message.lines().next().unwrap_or_default();
            Err(format!("{error}: {first}"))
        }
        None => Ok(value.clone()),
    }
}

fn send(
    port: u16,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, std::io::Error> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE + Duration::from_secs(30)))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    // The driver keeps the connection open, whatever it was asked.
    let mut answer = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        answer.read_line(&mut line)?;
        if line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body)?;
    serde_json::from_slice(&body).map_err(std::io::Error::from)
}
