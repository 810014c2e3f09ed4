//! Which endpoint may be asked, and a client that can reach no other.
//!
//! The host is resolved once and the client is bound to those addresses, so that a name cannot lead elsewhere
//! later; redirects and proxies are off for the same reason.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Client, Url};

use crate::{SummaryConfig, SummaryError};

/// Longest key file read, in bytes.
const MAX_KEY_BYTES: usize = 8 * 1024;

/// A checked endpoint.
pub(crate) struct Endpoint {
    pub(crate) client: Client,
    pub(crate) url: Url,
    pub(crate) key: Option<HeaderValue>,
}

/// Checks that the configured endpoint may be used: URL, address, key. Sends nothing to it.
///
/// # Errors
/// [`SummaryError::NoEndpoint`] without a URL; else what is wrong with it.
pub async fn check_endpoint(config: &SummaryConfig) -> Result<(), SummaryError> {
    open(config).await.map(|_| ())
}

pub(crate) async fn open(config: &SummaryConfig) -> Result<Endpoint, SummaryError> {
    let url = chat_url(config.url.as_deref().ok_or(SummaryError::NoEndpoint)?)?;
    let host = url
        .host_str()
        .unwrap_or("")
        .trim_matches(['[', ']'])
        .to_owned();
    let port = url.port_or_known_default().unwrap_or(80);
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), port))
        .await
        .map_err(SummaryError::ResolveHost)?
        .collect();
    if addresses.is_empty() {
        return Err(SummaryError::ResolveHost(
            std::io::ErrorKind::NotFound.into(),
        ));
    }
    if !config.allow_remote
        && let Some(public) = addresses
            .iter()
            .map(SocketAddr::ip)
            .find(|ip| !is_near(*ip))
    {
        return Err(SummaryError::RefuseRemote { address: public });
    }
    let key = match &config.api_key_file {
        Some(path) => Some(parse_key(
            &tokio::fs::read(path).await.map_err(SummaryError::ReadKey)?,
        )?),
        None => None,
    };
    let client = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .resolve_to_addrs(&host, &addresses)
        .connect_timeout(Duration::from_millis(config.idle_timeout_ms))
        .build()
        .map_err(SummaryError::BuildClient)?;
    Ok(Endpoint { client, url, key })
}

fn chat_url(base: &str) -> Result<Url, SummaryError> {
    let refuse = |reason: &str| SummaryError::ParseUrl {
        reason: reason.to_owned(),
    };
    let mut url = Url::parse(base.trim()).map_err(|e| refuse(&e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("the scheme is neither http nor https"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(refuse("it has no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it holds a user name or password; use api_key_file"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    if !path.ends_with("/chat/completions") {
        url.set_path(&format!("{path}/chat/completions"));
    }
    Ok(url)
}

fn parse_key(bytes: &[u8]) -> Result<HeaderValue, SummaryError> {
    let text = bytes
        .get(..bytes.len().min(MAX_KEY_BYTES))
        .and_then(|b| std::str::from_utf8(b).ok());
    let key = text
        .and_then(|t| t.lines().next())
        .map(str::trim)
        .filter(|k| !k.is_empty());
    let mut value = key
        .and_then(|k| HeaderValue::from_str(&format!("Bearer {k}")).ok())
        .ok_or(SummaryError::ParseKey)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Loopback, RFC 1918 or RFC 4193. Link-local is not: cloud metadata services live there.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.is_loopback() || v4.is_private(),
            None => v6.is_loopback() || v6.is_unique_local(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far() {
        for near in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.9",
            "172.16.0.1",
            "::1",
            "fd00::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(is_near(near.parse().unwrap()), "{near}");
        }
        for far in [
            "8.8.8.8",
            "169.254.169.254",
            "172.32.0.1",
            "0.0.0.0",
            "2001:db8::1",
            "::ffff:8.8.8.8",
            "100.64.0.1",
            "fe80::1",
        ] {
            assert!(!is_near(far.parse().unwrap()), "{far}");
        }
    }

    #[test]
    fn urls() {
        assert_eq!(
            chat_url("http://127.0.0.1:8000/v1/").unwrap().as_str(),
            "http://127.0.0.1:8000/v1/chat/completions"
        );
        for bad in [
            "file:///etc/passwd",
            "127.0.0.1:80",
            "http://u:p@127.0.0.1/v1",
            "",
            "http://",
        ] {
            assert!(chat_url(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn public_addresses_need_consent() {
        let mut config = SummaryConfig {
            url: Some("http://8.8.8.8/v1".into()),
            ..SummaryConfig::default()
        };
        assert!(matches!(
            check_endpoint(&config).await,
            Err(SummaryError::RefuseRemote { .. })
        ));
        config.allow_remote = true;
        check_endpoint(&config).await.unwrap();
        assert!(matches!(
            check_endpoint(&SummaryConfig::default()).await,
            Err(SummaryError::NoEndpoint)
        ));
    }
}
