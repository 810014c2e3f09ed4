//! A scripted Hugging Face hub on loopback: an API origin that asks for a token, and a storage origin (another port,
//! so another origin) that large files are redirected to and that cuts, spoils or ignores ranges as a test says.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use sha1::Digest as _;
use sha2::Sha256;

pub const TOKEN: &str = "hf_planted0Secret0Token";
pub const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";

/// What the storage origin does with one request.
#[derive(Clone, Copy)]
pub enum Act {
    /// Promises everything, sends this many bytes, and closes.
    CutAfter(usize),
    /// Sends as many bytes as are due, of which one is wrong.
    Spoil,
    /// Sends the whole file whatever range was asked for.
    IgnoreRange,
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at_storage: bool,
    pub path: String,
    pub authorization: Option<String>,
    pub range: Option<String>,
}

pub struct ScriptedHub {
    pub address: String,
    state: Arc<State>,
}

struct State {
    files: Vec<(String, Vec<u8>)>,
    storage: String,
    seen: Mutex<Vec<Seen>>,
    script: Mutex<VecDeque<Act>>,
    refusal: Option<u16>,
}

impl ScriptedHub {
    pub fn start(files: Vec<(String, Vec<u8>)>, script: Vec<Act>, refusal: Option<u16>) -> Self {
        let (hub, storage) = (bind(), bind());
        let address = format!("http://{}", hub.local_addr().unwrap());
        let state = Arc::new(State {
            files,
            storage: format!("http://{}", storage.local_addr().unwrap()),
            seen: Mutex::default(),
            script: Mutex::new(script.into()),
            refusal,
        });
        for (listener, at_storage) in [(hub, false), (storage, true)] {
            let state = Arc::clone(&state);
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    // A client that goes away in the middle is part of the play.
                    let _ = state.answer(stream, at_storage);
                }
            });
        }
        Self { address, state }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    pub fn seen_at_storage(&self) -> Vec<Seen> {
        self.seen()
            .into_iter()
            .filter(|seen| seen.at_storage)
            .collect()
    }
}

fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

impl State {
    fn answer(&self, mut stream: TcpStream, at_storage: bool) -> std::io::Result<()> {
        let seen = read_request(&stream, at_storage)?;
        self.seen.lock().unwrap().push(seen.clone());
        if at_storage {
            return self.answer_storage(&mut stream, &seen);
        }
        if seen.authorization.as_deref() != Some(&format!("Bearer {TOKEN}")) {
            return respond(&mut stream, "401 Unauthorized", "", b"{}");
        }
        if seen
            .path
            .starts_with("/api/models/google/medsiglip-448?blobs=true")
        {
            return respond(&mut stream, "200 OK", "", self.listing().as_bytes());
        }
        if let Some(status) = self.refusal {
            return respond(
                &mut stream,
                &format!("{status} Refused"),
                "x-error-code: GatedRepo\r\n",
                b"{}",
            );
        }
        let name = seen
            .path
            .trim_start_matches(&format!("/google/medsiglip-448/resolve/{REVISION}/"));
        match self.files.iter().find(|(file, _)| file == name) {
            Some((file, _)) if is_large(file) => {
                let location = format!("location: {}/{file}?signature=planted\r\n", self.storage);
                respond(&mut stream, "302 Found", &location, b"")
            }
            Some((_, bytes)) => respond(&mut stream, "200 OK", "", bytes),
            None => respond(&mut stream, "404 Not Found", "", b"{}"),
        }
    }

    fn answer_storage(&self, stream: &mut TcpStream, seen: &Seen) -> std::io::Result<()> {
        let name = seen
            .path
            .trim_start_matches('/')
            .split('?')
            .next()
            .unwrap_or_default();
        let Some((_, whole)) = self.files.iter().find(|(file, _)| file == name) else {
            return respond(stream, "404 Not Found", "", b"");
        };
        let act = self.script.lock().unwrap().pop_front();
        let asked = seen.range.as_deref().and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse()
                .ok()
        });
        let start: usize = if matches!(act, Some(Act::IgnoreRange)) {
            0
        } else {
            asked.unwrap_or(0)
        };
        let mut bytes = whole[start..].to_vec();
        let status = if start > 0 {
            "206 Partial Content"
        } else {
            "200 OK"
        };
        let range = match start {
            0 => String::new(),
            _ => format!(
                "content-range: bytes {start}-{}/{}\r\n",
                whole.len() - 1,
                whole.len()
            ),
        };
        match act {
            Some(Act::CutAfter(count)) => {
                write_head(stream, status, &range, bytes.len())?;
                stream.write_all(&bytes[..count])
            }
            Some(Act::Spoil) => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0x40;
                respond(stream, status, &range, &bytes)
            }
            Some(Act::IgnoreRange) | None => respond(stream, status, &range, &bytes),
        }
    }

    fn listing(&self) -> String {
        let siblings: Vec<serde_json::Value> = self
            .files
            .iter()
            .map(|(name, bytes)| {
                let blob = sha1::Sha1::new_with_prefix(format!("blob {}\0", bytes.len())).chain_update(bytes);
                let mut entry = serde_json::json!({
                    "rfilename": name, "size": bytes.len(), "blobId": hex::encode(blob.finalize()),
                });
                if is_large(name) {
                    entry["lfs"] = serde_json::json!({
                        "sha256": hex::encode(Sha256::digest(bytes)), "size": bytes.len(), "pointerSize": 135,
                    });
                }
                entry
            })
            .collect();
        serde_json::json!({ "id": "google/medsiglip-448", "sha": REVISION, "siblings": siblings })
            .to_string()
    }
}

fn is_large(name: &str) -> bool {
    name == "model.safetensors"
}

fn read_request(stream: &TcpStream, at_storage: bool) -> std::io::Result<Seen> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut seen = Seen {
        at_storage,
        path,
        authorization: None,
        range: None,
    };
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => seen.authorization = Some(value.trim().to_owned()),
            "range" => seen.range = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    Ok(seen)
}

fn respond(
    stream: &mut TcpStream,
    status: &str,
    headers: &str,
    body: &[u8],
) -> std::io::Result<()> {
    write_head(stream, status, headers, body.len())?;
    stream.write_all(body)
}

fn write_head(
    stream: &mut TcpStream,
    status: &str,
    headers: &str,
    length: usize,
) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())
}
