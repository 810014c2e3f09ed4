//! Tokens, whose secrets are nowhere on disk; the audit; settings.

use casekin_catalog::{AuditEntry, CatalogError, Role};

use crate::support::Library;

#[tokio::test]
async fn a_token_is_known_by_its_secret_until_it_is_revoked() {
    let library = Library::new().await;
    let reader = library
        .catalog
        .create_token(Role::Reader, "desk")
        .await
        .unwrap();
    let admin = library
        .catalog
        .create_token(Role::Admin, "me")
        .await
        .unwrap();
    assert_ne!(reader.secret, admin.secret);
    let known = library
        .catalog
        .verify_token(&admin.secret)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (known.token_id.as_str(), known.role),
        (admin.token_id.as_str(), Role::Admin)
    );
    assert!(
        library
            .catalog
            .verify_token(&admin.token_id)
            .await
            .unwrap()
            .is_none()
    );
    assert!(library.catalog.verify_token("").await.unwrap().is_none());

    library.catalog.revoke_token(&admin.token_id).await.unwrap();
    assert!(
        library
            .catalog
            .verify_token(&admin.secret)
            .await
            .unwrap()
            .is_none()
    );
    library.pass(10);
    library.catalog.revoke_token(&admin.token_id).await.unwrap();
    let listed = library.catalog.tokens().await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (listed[0].name.as_str(), listed[0].revoked_ms),
        ("desk", None)
    );
    assert_eq!(
        listed[1].revoked_ms,
        Some(1_000_000),
        "the time of the first revocation"
    );
    let unknown = library.catalog.revoke_token("t-none").await;
    assert!(matches!(unknown, Err(CatalogError::UnknownToken)));
}

#[tokio::test]
async fn a_secret_is_nowhere_on_disk() {
    let library = Library::new().await;
    let token = library
        .catalog
        .create_token(Role::Curator, "findable-name")
        .await
        .unwrap();
    assert!(!format!("{token:?}").contains(&token.secret));
    let mut named = false;
    for entry in std::fs::read_dir(library.folder.path()).unwrap() {
        let on_disk = std::fs::read(entry.unwrap().path()).unwrap();
        let holds = |text: &[u8]| on_disk.windows(text.len()).any(|window| window == text);
        assert!(!holds(token.secret.as_bytes()));
        named |= holds(b"findable-name");
    }
    assert!(named, "the search finds what is there");
}

#[tokio::test]
async fn the_audit_is_read_backwards_by_pages() {
    let library = Library::new().await;
    for number in 0..5 {
        let entry = AuditEntry {
            actor: "cli".to_owned(),
            action: "case.delete".to_owned(),
            subjects: vec![format!("c-{number}")],
        };
        library.catalog.append_audit(entry).await.unwrap();
    }
    let first = library.catalog.audit_page(None, 3).await.unwrap();
    let second = library
        .catalog
        .audit_page(Some(first[2].audit_no), 3)
        .await
        .unwrap();
    let subjects: Vec<_> = first
        .iter()
        .chain(&second)
        .map(|one| one.subjects[0].as_str())
        .collect();
    assert_eq!(subjects, ["c-4", "c-3", "c-2", "c-1", "c-0"]);
}

#[tokio::test]
async fn settings_are_kept_and_replaced() {
    let library = Library::new().await;
    assert!(library.catalog.setting("port").await.unwrap().is_none());
    for value in [
        serde_json::json!(8080),
        serde_json::json!({"any": ["json"]}),
    ] {
        library.catalog.set_setting("port", &value).await.unwrap();
        assert_eq!(library.catalog.setting("port").await.unwrap(), Some(value));
    }
}
