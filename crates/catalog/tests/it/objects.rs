//! The object store: what is sealed reads back whole or not at all.

use std::path::{Path, PathBuf};

use casekin_catalog::{CatalogError, Keyring, Objects};
use sha2::{Digest as _, Sha256};

const MIB: usize = 1 << 20;
/// Magic and salt.
const HEADER: usize = 20;
/// A full chunk with nonce and tag.
const SEALED_CHUNK: usize = MIB + 40;

fn open(root: &Path) -> Objects {
    Objects::open(root, &Keyring::from_bytes([1; 32])).unwrap()
}

fn bytes(count: usize) -> Vec<u8> {
    b"DOE^JANE ".iter().copied().cycle().take(count).collect()
}

fn files(root: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap);
    walk.filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.into_path())
        .collect()
}

#[tokio::test]
async fn objects_of_every_length_read_back_and_show_nothing_of_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let objects = open(folder.path());
    for count in [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB, 3 * MIB + 17] {
        let plain = bytes(count);
        let stored = objects.put_object(&plain).await.unwrap();
        let sha: [u8; 32] = Sha256::digest(&plain).into();
        assert_eq!((stored.content_sha256, stored.bytes), (sha, count as u64));
        let read = objects
            .read_object(&stored.key, count as u64)
            .await
            .unwrap();
        assert_eq!(read, plain);
        if count > 0 {
            let refused = objects.read_object(&stored.key, count as u64 - 1).await;
            assert!(matches!(refused, Err(CatalogError::ObjectTooLarge { .. })));
        }
    }
    for file in files(folder.path()) {
        let on_disk = std::fs::read(file).unwrap();
        assert!(!on_disk.windows(8).any(|window| window == b"DOE^JANE"));
    }
}

#[tokio::test]
async fn pieces_make_the_same_object_as_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let objects = open(folder.path());
    let plain = bytes(2 * MIB + 100);
    let mut writer = objects.begin_upload(plain.len() as u64).await.unwrap();
    for piece in plain.chunks(70_001) {
        writer.write(piece).await.unwrap();
    }
    let over = writer.write(b"x").await;
    assert!(matches!(over, Err(CatalogError::ObjectTooLarge { .. })));
    let stored = writer.finish().await.unwrap();
    assert_eq!(objects.put_object(&plain).await.unwrap(), stored);
    assert_eq!(
        objects.read_object(&stored.key, u64::MAX).await.unwrap(),
        plain
    );
    assert_eq!(objects.keys().await.unwrap(), [stored.key]);
}

#[tokio::test]
async fn an_upload_that_is_dropped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let objects = open(folder.path());
    let mut writer = objects.begin_upload(u64::MAX).await.unwrap();
    writer.write(&bytes(3 * MIB)).await.unwrap();
    assert_eq!(files(folder.path()).len(), 1);
    drop(writer);
    assert!(files(folder.path()).is_empty());
    assert!(objects.keys().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_changed_cut_or_rearranged_object_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let objects = open(folder.path());
    let stored = objects.put_object(&bytes(3 * MIB)).await.unwrap();
    let other = objects.put_object(&bytes(3 * MIB - 1)).await.unwrap();
    let path = folder.path().join(&stored.key);
    let whole = std::fs::read(&path).unwrap();
    let foreign = std::fs::read(folder.path().join(&other.key)).unwrap();
    let chunk = |index: usize| HEADER + index * SEALED_CHUNK..HEADER + (index + 1) * SEALED_CHUNK;

    let mut flipped = whole.clone();
    flipped[HEADER + 2 * SEALED_CHUNK - 3] ^= 1;
    let mut swapped = whole.clone();
    swapped[chunk(0)].copy_from_slice(&whole[chunk(1)]);
    swapped[chunk(1)].copy_from_slice(&whole[chunk(0)]);
    let mut mixed = whole.clone();
    mixed[chunk(1)].copy_from_slice(&foreign[chunk(1)]);
    let mut longer = whole.clone();
    longer.extend_from_slice(&whole[chunk(2)]);
    let damaged = [
        Vec::new(),
        whole[..HEADER].to_vec(),
        whole[..chunk(1).end].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        flipped,
        swapped,
        mixed,
        longer,
    ];
    for (index, damaged) in damaged.iter().enumerate() {
        std::fs::write(&path, damaged).unwrap();
        let refused = objects.read_object(&stored.key, u64::MAX).await;
        assert!(
            matches!(refused, Err(CatalogError::ObjectDamaged { .. })),
            "damage {index}"
        );
    }
    std::fs::write(&path, &whole).unwrap();
    assert!(objects.read_object(&stored.key, u64::MAX).await.is_ok());
    let stranger = Objects::open(folder.path(), &Keyring::from_bytes([2; 32])).unwrap();
    let refused = stranger.read_object(&stored.key, u64::MAX).await;
    assert!(matches!(refused, Err(CatalogError::ObjectDamaged { .. })));
}

#[tokio::test]
async fn thumbnails_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let objects = open(folder.path());
    let key = objects
        .put_thumbnail("i-1", bytes::Bytes::from_static(b"jpeg"))
        .await
        .unwrap();
    let second = objects
        .put_thumbnail("i-1", bytes::Bytes::from_static(b"jpeg2"))
        .await
        .unwrap();
    assert_ne!(key, second);
    assert_eq!(
        objects.read_thumbnail(&key).await.unwrap().unwrap(),
        &b"jpeg"[..]
    );
    assert_eq!(objects.keys().await.unwrap().len(), 2);
    objects.delete(&key).await.unwrap();
    objects.delete(&key).await.unwrap();
    assert!(objects.read_thumbnail(&key).await.unwrap().is_none());
    assert_eq!(objects.keys().await.unwrap(), [second]);
}

#[tokio::test]
async fn a_key_cannot_leave_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "x").unwrap();
    let objects = open(&folder.path().join("objects"));
    for key in ["../secret", "objects/../../secret", "thumbs/./../../secret"] {
        assert!(objects.read_object(key, 10).await.is_err());
        assert!(!matches!(objects.read_thumbnail(key).await, Ok(Some(_))));
        drop(objects.delete(key).await);
    }
    assert!(secret.exists());
}
