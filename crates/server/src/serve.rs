//! Listening: on loopback by default, elsewhere only once a token exists.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use casekin_engine::EngineError;
use thiserror::Error;
use tokio::net::TcpListener;

use crate::routes::router;
use crate::state::App;

/// Why the service could not be started.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address cannot be understood.
    #[error("{listen:?} is no address to listen on; 127.0.0.1:7878 is one")]
    ParseAddress {
        /// What was given.
        listen: String,
    },
    /// Everybody on the network could read the library.
    #[error(
        "{address} can be reached by others, and no access token exists: `casekin token create --role admin` makes one"
    )]
    RefuseOpenDoor {
        /// What was asked for.
        address: SocketAddr,
    },
    /// Another program listens there, or the address is not this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Serving broke off.
    #[error("the service broke off")]
    Serve(#[source] std::io::Error),
    /// The library.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Takes the address; refuses one that others can reach while no token exists.
///
/// # Errors
/// See [`ServeError`].
pub async fn bind(app: &App, listen: &str) -> Result<TcpListener, ServeError> {
    let address = match listen.parse::<SocketAddr>() {
        Ok(address) => address,
        Err(_) => tokio::net::lookup_host(listen)
            .await
            .ok()
            .and_then(|mut found| found.next())
            .ok_or_else(|| ServeError::ParseAddress {
                listen: listen.to_owned(),
            })?,
    };
    if !address.ip().is_loopback() && app.library.tokens().await?.is_empty() {
        return Err(ServeError::RefuseOpenDoor { address });
    }
    TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Listen { address, source })
}

/// Serves until `stop` is done, then lets requests under way end.
///
/// # Errors
/// [`ServeError::Serve`].
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    axum::serve(listener, router(app))
        .with_graceful_shutdown(stop)
        .await
        .map_err(ServeError::Serve)
}
