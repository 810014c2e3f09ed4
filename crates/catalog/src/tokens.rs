//! Access tokens: the secret is shown once and stored as a SHA-256, which is enough for 256 random bits.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Catalog, CatalogError};

/// What a token's holder may do; each role may do all of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Searches and reads, without identity.
    Reader,
    /// Ingests, deletes, sees accession and Study UID.
    Curator,
    /// Everything, tokens and models too.
    Admin,
}

/// A token as it was made. `Debug` does not print the secret.
#[derive(Clone)]
pub struct NewToken {
    /// Public id, for lists and revocation.
    pub token_id: String,
    /// The secret: shown now and never again.
    pub secret: String,
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewToken")
            .field("token_id", &self.token_id)
            .finish_non_exhaustive()
    }
}

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenRecord {
    /// Public id.
    pub token_id: String,
    /// Name for people.
    pub name: String,
    /// Role.
    pub role: Role,
    /// When it was made, ms since 1970.
    pub created_ms: i64,
    /// When it was revoked.
    pub revoked_ms: Option<i64>,
}

impl Catalog {
    /// Makes a token.
    pub async fn create_token(&self, _role: Role, _name: &str) -> Result<NewToken, CatalogError> {
        todo!()
    }

    /// Whose secret this is; none if unknown or revoked.
    pub async fn verify_token(&self, _secret: &str) -> Result<Option<TokenRecord>, CatalogError> {
        todo!()
    }

    /// Revokes a token. Errors: `UnknownToken`.
    pub async fn revoke_token(&self, _token_id: &str) -> Result<(), CatalogError> {
        todo!()
    }

    /// All tokens, oldest first.
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, CatalogError> {
        todo!()
    }
}
