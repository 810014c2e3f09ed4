//! Access tokens: the secret is shown once and stored as a SHA-256, which is enough for 256 random bits.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

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
    pub async fn create_token(&self, role: Role, name: &str) -> Result<NewToken, CatalogError> {
        let token = NewToken {
            token_id: format!("t-{}", random_hex::<8>()),
            secret: format!("ck_{}", random_hex::<32>()),
        };
        let mut write = self.write().await?;
        sqlx::query(
            "INSERT INTO tokens (token_id, name, role, secret_sha256, created_ms) \
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(&token.token_id)
        .bind(name)
        .bind(role.sql())
        .bind(secret_hash(&token.secret))
        .bind(self.now_ms())
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("making a token"))?;
        self.commit(write).await?;
        Ok(token)
    }

    /// Whose secret this is; none if unknown or revoked.
    pub async fn verify_token(&self, secret: &str) -> Result<Option<TokenRecord>, CatalogError> {
        let row: Option<TokenRow> = sqlx::query_as(
            "SELECT token_id, name, role, created_ms, revoked_ms FROM tokens \
             WHERE secret_sha256 = ? AND revoked_ms IS NULL",
        )
        .bind(secret_hash(secret))
        .fetch_optional(self.read())
        .await
        .map_err(CatalogError::query("looking a token up"))?;
        row.map(token_record).transpose()
    }

    /// Revokes a token. Errors: `UnknownToken`.
    pub async fn revoke_token(&self, token_id: &str) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        // A second revocation keeps the time of the first.
        let revoked = sqlx::query(
            "UPDATE tokens SET revoked_ms = COALESCE(revoked_ms, ?) WHERE token_id = ?",
        )
        .bind(self.now_ms())
        .bind(token_id)
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("revoking a token"))?;
        if revoked.rows_affected() == 0 {
            return Err(CatalogError::UnknownToken);
        }
        self.commit(write).await
    }

    /// All tokens, oldest first.
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, CatalogError> {
        let rows: Vec<TokenRow> = sqlx::query_as(
            "SELECT token_id, name, role, created_ms, revoked_ms FROM tokens ORDER BY token_no",
        )
        .fetch_all(self.read())
        .await
        .map_err(CatalogError::query("listing tokens"))?;
        rows.into_iter().map(token_record).collect()
    }
}

type TokenRow = (String, String, String, i64, Option<i64>);

impl Role {
    fn sql(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Curator => "curator",
            Self::Admin => "admin",
        }
    }
}

fn token_record(row: TokenRow) -> Result<TokenRecord, CatalogError> {
    let (token_id, name, role, created_ms, revoked_ms) = row;
    let role = match role.as_str() {
        "reader" => Role::Reader,
        "curator" => Role::Curator,
        "admin" => Role::Admin,
        _ => {
            return Err(CatalogError::Corrupt {
                what: "token",
                reason: "its role is unknown".to_owned(),
            });
        }
    };
    Ok(TokenRecord {
        token_id,
        name,
        role,
        created_ms,
        revoked_ms,
    })
}

/// Found by its hash in an index: how long that takes tells nothing of a secret.
fn secret_hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// `N` random bytes as lower-case hex, from the cryptographic generator.
pub(crate) fn random_hex<const N: usize>() -> String {
    let mut bytes = [0_u8; N];
    rand::fill(&mut bytes[..]);
    hex::encode(bytes)
}
