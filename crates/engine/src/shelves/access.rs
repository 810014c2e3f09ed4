//! Access tokens, and the audit of who did what.

use casekin_catalog::{AuditEntry, Role};

use super::collections::rfc3339;
use crate::error::EngineError;
use crate::library::Library;
use crate::records::TokenRecord;

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Curator => "curator",
        Role::Admin => "admin",
    }
}

impl Library {
    /// Makes a token. Its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// A role that there is not.
    pub async fn create_token(&self, role: &str, name: &str) -> Result<TokenRecord, EngineError> {
        let role = [Role::Reader, Role::Curator, Role::Admin]
            .into_iter()
            .find(|known| role_name(*known) == role);
        let role =
            role.ok_or_else(|| EngineError::bad_query("a role is reader, curator or admin"))?;
        let new = self.inner.catalog.create_token(role, name).await?;
        Ok(TokenRecord {
            id: new.token_id,
            role: role_name(role).to_owned(),
            name: name.to_owned(),
            created: jiff::Timestamp::now().to_string(),
            secret: Some(new.secret),
        })
    }

    /// Tokens that are valid, without their secrets.
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, EngineError> {
        let tokens = self.inner.catalog.tokens().await?;
        Ok(tokens
            .into_iter()
            .filter(|token| token.revoked_ms.is_none())
            .map(record)
            .collect())
    }

    /// Revokes a token, at once.
    ///
    /// # Errors
    /// [`EngineError::NoSuchToken`].
    pub async fn revoke_token(&self, id: &str) -> Result<(), EngineError> {
        Ok(self.inner.catalog.revoke_token(id).await?)
    }

    /// The token of this secret, where it is valid.
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn verify_token(&self, secret: &str) -> Result<Option<TokenRecord>, EngineError> {
        Ok(self.inner.catalog.verify_token(secret).await?.map(record))
    }

    /// Notes who did what to which ids. Never words of a query.
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn audit(
        &self,
        actor: &str,
        action: &str,
        subjects: Vec<String>,
    ) -> Result<(), EngineError> {
        let entry = AuditEntry {
            actor: actor.to_owned(),
            action: action.to_owned(),
            subjects,
        };
        Ok(self.inner.catalog.append_audit(entry).await?)
    }
}

fn record(token: casekin_catalog::TokenRecord) -> TokenRecord {
    TokenRecord {
        id: token.token_id,
        role: role_name(token.role).to_owned(),
        name: token.name,
        created: rfc3339(token.created_ms),
        secret: None,
    }
}
