//! The Hugging Face hub: what files a repository has, with sizes and digests, and where they are. Redirects are
//! followed by hand, since the token may go to the hub's own origin alone: the weights lie on other hosts.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use reqwest::header::{AUTHORIZATION, HeaderValue, LOCATION, RANGE};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;

const DEFAULT_ADDRESS: &str = "https://huggingface.co";
/// Another address of the hub: a mirror of one's own, or a test.
const ADDRESS_VARIABLE: &str = "CASEKIN_HUB";
const REDIRECTS_AT_MOST: usize = 8;
const LISTING_BYTES_AT_MOST: usize = 8 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest silence; the whole download may take hours.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const WITHOUT_NETWORK: &str = "where this machine has no way to it, download the model's files on another one, \
     copy their folder here and run `casekin model add DIR`";

/// The hub, asked with one user's token.
pub struct Hub {
    http: Client,
    address: Url,
    token: HeaderValue,
}

/// A repository's files at one revision.
pub struct Listing {
    pub revision: String,
    pub files: Vec<Listed>,
}

/// One file, as the hub promises it.
#[derive(Debug)]
pub struct Listed {
    pub name: String,
    pub size_bytes: u64,
    pub digest: Digest,
}

/// What the file's bytes must hash to.
#[derive(Clone, Debug, PartialEq)]
pub enum Digest {
    /// Large files (LFS): SHA-256 of the bytes.
    Sha256([u8; 32]),
    /// Small files: SHA-1 of `blob <size>\0` and the bytes, as git names them.
    GitBlob([u8; 20]),
}

/// A request that got no good answer.
#[derive(Debug)]
pub enum Refusal {
    /// Asking again will not help.
    Final(anyhow::Error),
    /// The network or the hub stumbled.
    Passing(anyhow::Error),
}

impl From<Refusal> for anyhow::Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Final(error) | Refusal::Passing(error) => error,
        }
    }
}

#[derive(Deserialize)]
struct ModelAnswer {
    sha: Option<String>,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
    size: u64,
}

impl Hub {
    /// The public hub, or the one that CASEKIN_HUB names.
    pub fn new(token: HeaderValue) -> anyhow::Result<Self> {
        let text = std::env::var(ADDRESS_VARIABLE).unwrap_or_else(|_| DEFAULT_ADDRESS.to_owned());
        let address = Url::parse(text.trim_end_matches('/'))
            .with_context(|| format!("{ADDRESS_VARIABLE} is no address: {text}"))?;
        let loopback = is_loopback(&address);
        if address.scheme() != "https" && !(address.scheme() == "http" && loopback) {
            bail!(
                "{ADDRESS_VARIABLE} must be an https address, or the token would be sent in the clear"
            );
        }
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .user_agent(concat!("casekin/", env!("CARGO_PKG_VERSION")));
        if loopback {
            builder = builder.no_proxy();
        }
        Ok(Self {
            http: builder.build().context("the HTTP client cannot be made")?,
            address,
            token,
        })
    }

    /// The files of a repository's newest revision.
    pub async fn list(&self, repository: &str) -> anyhow::Result<Listing> {
        let mut url = self.at(&format!("api/models/{repository}"))?;
        url.set_query(Some("blobs=true"));
        let mut response = self.get(url, 0).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.unreachable(error))?
        {
            if bytes.len() + chunk.len() > LISTING_BYTES_AT_MOST {
                bail!("the hub's list of files is longer than {LISTING_BYTES_AT_MOST} bytes");
            }
            bytes.extend_from_slice(&chunk);
        }
        let answer: ModelAnswer = serde_json::from_slice(&bytes).with_context(|| {
            format!(
                "the hub's list of files cannot be read (is {} a hub?)",
                self.name()
            )
        })?;
        let files = answer
            .siblings
            .into_iter()
            .filter_map(Sibling::into_listed)
            .collect();
        // One revision for all files, so that a change on the hub cannot mix two.
        let revision = answer
            .sha
            .filter(|sha| sha.bytes().all(|b| b.is_ascii_hexdigit()) && !sha.is_empty());
        Ok(Listing {
            revision: revision.unwrap_or_else(|| "main".to_owned()),
            files,
        })
    }

    /// Where a file of a revision is.
    pub fn file_url(&self, repository: &str, revision: &str, name: &str) -> anyhow::Result<Url> {
        self.at(&format!("{repository}/resolve/{revision}/{name}"))
    }

    /// Asks for a file from a byte on, following redirects. The status of the answer is 200 or 206.
    pub async fn get(&self, mut url: Url, from_byte: u64) -> Result<Response, Refusal> {
        for _ in 0..=REDIRECTS_AT_MOST {
            let mut request = self.http.get(url.clone());
            if url.origin() == self.address.origin() {
                request = request.header(AUTHORIZATION, self.token.clone());
            }
            if from_byte > 0 {
                request = request.header(RANGE, format!("bytes={from_byte}-"));
            }
            let response = request
                .send()
                .await
                .map_err(|error| Refusal::Passing(self.unreachable(error)))?;
            if !response.status().is_redirection() {
                return if matches!(
                    response.status(),
                    StatusCode::OK | StatusCode::PARTIAL_CONTENT
                ) {
                    Ok(response)
                } else {
                    Err(self.refused(&url, &response))
                };
            }
            url = self.redirected(&url, &response).map_err(Refusal::Final)?;
        }
        Err(Refusal::Final(anyhow!(
            "the hub redirects more than {REDIRECTS_AT_MOST} times"
        )))
    }

    fn at(&self, path: &str) -> anyhow::Result<Url> {
        let base = self.address.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}/{path}")).context("the hub's address cannot be extended")
    }

    fn name(&self) -> &str {
        self.address.host_str().unwrap_or("the hub")
    }

    fn redirected(&self, from: &Url, response: &Response) -> anyhow::Result<Url> {
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok());
        let target = location
            .and_then(|text| from.join(text).ok())
            .context("the hub redirects to nowhere")?;
        if target.scheme() != "https" && from.scheme() == "https" {
            bail!("the hub redirects to an address without encryption; this is refused");
        }
        Ok(target)
    }

    fn refused(&self, url: &Url, response: &Response) -> Refusal {
        let status = response.status();
        let by_hub = url.origin() == self.address.origin();
        let gated = response
            .headers()
            .get("x-error-code")
            .is_some_and(|code| code == "GatedRepo");
        let error = match status {
            StatusCode::UNAUTHORIZED if by_hub && !gated => anyhow!(
                "{} does not know the token (401): it is mistyped, expired or revoked; make a new one under \
                 https://huggingface.co/settings/tokens",
                self.name()
            ),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if by_hub => anyhow!(
                "the token's account may not read this model ({}): sign in at \
                 https://huggingface.co/google/medsiglip-448, accept the terms on that page, and see that the token \
                 may read gated repositories; then run this command again",
                status.as_u16()
            ),
            StatusCode::NOT_FOUND => anyhow!("{} has no such file or model (404)", self.name()),
            StatusCode::TOO_MANY_REQUESTS => {
                anyhow!("the hub asks to wait (429); run this command again later")
            }
            status => anyhow!("the download was refused with status {}", status.as_u16()),
        };
        // A link of the storage host lives for an hour or so: asking the hub again gives a new one.
        let passing =
            status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || !by_hub;
        if passing {
            Refusal::Passing(error)
        } else {
            Refusal::Final(error)
        }
    }

    /// An error of the connection, without the address it went to: a storage link holds a signature.
    fn unreachable(&self, error: reqwest::Error) -> anyhow::Error {
        anyhow::Error::new(error.without_url()).context(format!(
            "{} cannot be reached; {WITHOUT_NETWORK}",
            self.name()
        ))
    }
}

impl Sibling {
    fn into_listed(self) -> Option<Listed> {
        let (size_bytes, digest) = match self.lfs {
            Some(lfs) => (lfs.size, Digest::Sha256(hash_bytes(&lfs.sha256)?)),
            None => (self.size?, Digest::GitBlob(hash_bytes(&self.blob_id?)?)),
        };
        Some(Listed {
            name: self.rfilename,
            size_bytes,
            digest,
        })
    }
}

fn hash_bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    hex::decode(text).ok()?.try_into().ok()
}

fn is_loopback(address: &Url) -> bool {
    let host = address.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
