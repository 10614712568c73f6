//! The objects of a store.

use std::{fs, io, ops::Range, os::unix::fs::DirBuilderExt as _, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::{
    ClientOptions, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    local::LocalFileSystem,
    path::Path,
};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::crypto::ring;

use super::{Address, Keeping, Put, REQUEST_TIME, StoreError, address, bucket, folder};

const CONNECT_TIME: Duration = Duration::from_secs(10);
const REPEATS: usize = 3;

/// The SHA-256 of some bytes, in hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A store.
#[derive(Debug, Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// The same, if it is a bucket.
    s3: Option<Arc<AmazonS3>>,
    prefix: String,
    address: Address,
}

impl Store {
    /// The one at an address. A folder is made if it is not there; nobody else may read it. Nothing is asked of a bucket yet.
    ///
    /// # Errors
    /// Why it can't be used, in words.
    pub fn open(address: &Address) -> Result<Store, String> {
        let mut s3 = None;
        let (objects, prefix): (Arc<dyn ObjectStore>, String) = match address {
            Address::Folder(folder) => {
                match fs::DirBuilder::new().mode(0o700).create(folder) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(format!("the store's folder {} can't be made ({error})", folder.display()));
                    }
                    _ => {}
                }
                let files = LocalFileSystem::new_with_prefix(folder);
                let files = files.map_err(|error| format!("the store's folder {} ({error})", folder.display()))?;
                (Arc::new(files.with_fsync(true)), String::new())
            }
            Address::Bucket { bucket, prefix } => {
                let found = Arc::new(bucket_of(bucket)?);
                s3 = Some(Arc::clone(&found));
                (found, prefix.clone())
            }
        };
        Ok(Store { objects, s3, prefix, address: address.clone() })
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What it keeps of what was deleted. A folder keeps nothing: what the disk does, `docs/durability.md` says.
    ///
    /// # Errors
    /// Why it can't be known.
    pub async fn keeping(&self) -> Result<Keeping, StoreError> {
        match (&self.s3, &self.address) {
            (Some(s3), Address::Bucket { bucket, .. }) => bucket::keeping(s3, bucket).await,
            _ => Ok(Keeping { versions: false, locks: false }),
        }
    }

    fn path(&self, place: &str) -> Path {
        Path::from(format!("{}/{place}", self.prefix))
    }

    /// Writes an object, durably, if none of this name is there.
    ///
    /// # Errors
    /// Why it can't be written. It may be there all the same.
    pub async fn put(&self, place: &str, bytes: Bytes) -> Result<Put, StoreError> {
        if let Some(root) = self.address.folder().cloned() {
            let object = root.join(place);
            let written = tokio::task::spawn_blocking(move || folder::put(&root, &object, &bytes)).await;
            let written = written.map_err(io::Error::other).flatten();
            return written.map_err(|error| StoreError::Away(error.to_string()));
        }
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.objects.put_opts(&self.path(place), bytes.into(), options).await {
            Ok(_) => Ok(Put::New),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(Put::There),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads an object back: how many bytes it has, and their SHA-256. None if there is none.
    ///
    /// # Errors
    /// Why it can't be read.
    pub async fn sum(&self, place: &str) -> Result<Option<(u64, String)>, StoreError> {
        self.sum_of(&[place.to_owned()]).await
    }

    /// The same of several objects, one after the other. None if one of them is not there.
    ///
    /// # Errors
    /// Why one can't be read.
    pub async fn sum_of(&self, places: &[String]) -> Result<Option<(u64, String)>, StoreError> {
        let (mut sum, mut count) = (Sha256::new(), 0);
        for place in places {
            let found = match self.objects.get(&self.path(place)).await {
                Ok(found) => found,
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let mut stream = found.into_stream();
            while let Some(some) = stream.try_next().await? {
                sum.update(&some);
                count += some.len() as u64;
            }
        }
        let digest = hex(&sum.finalize());
        retrocall_file::wipe_traces();
        Ok(Some((count, digest)))
    }

    /// The places of all objects below a folder.
    ///
    /// # Errors
    /// Why they can't be known.
    pub async fn below(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let (folder, above) = (self.path(folder), self.path(""));
        let mut found = self.objects.list(Some(&folder));
        let mut places = Vec::new();
        while let Some(object) = found.try_next().await? {
            let place = object.location.as_ref().strip_prefix(above.as_ref()).unwrap_or(object.location.as_ref());
            places.push(place.trim_start_matches('/').to_owned());
        }
        Ok(places)
    }

    /// The names of what lies directly below a folder and has something below itself.
    ///
    /// # Errors
    /// Why they can't be known.
    pub async fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let found = self.objects.list_with_delimiter(Some(&self.path(folder))).await?;
        let name = |path: &Path| path.filename().map(str::to_owned);
        Ok(found.common_prefixes.iter().filter_map(name).collect())
    }

    /// How many bytes an object has. None if there is none.
    ///
    /// # Errors
    /// Why it can't be known.
    pub async fn bytes(&self, place: &str) -> Result<Option<u64>, StoreError> {
        match self.objects.head(&self.path(place)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A part of an object. Less than asked for at its end.
    ///
    /// # Errors
    /// Why it can't be read.
    pub async fn read(&self, place: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        Ok(self.objects.get_opts(&self.path(place), options).await?.bytes().await?)
    }

    /// Removes an object, durably. One that is not there is removed.
    ///
    /// # Errors
    /// Why it can't be removed. It may be gone all the same.
    pub async fn remove(&self, place: &str) -> Result<(), StoreError> {
        if let Some(root) = self.address.folder() {
            let object = root.join(place);
            let removed = tokio::task::spawn_blocking(move || folder::remove(&object)).await;
            let removed = removed.map_err(io::Error::other).flatten();
            return removed.map(drop).map_err(|error| StoreError::Away(error.to_string()));
        }
        match self.objects.delete(&self.path(place)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A bucket, by what the environment says of it. Over a network by TLS alone.
fn bucket_of(bucket: &str) -> Result<AmazonS3, String> {
    // One of this process: whoever was first.
    let _ = ring::default_provider().install_default();
    let endpoint = address::endpoint();
    let is_plain = endpoint.as_ref().is_some_and(|url| url.scheme() == "http");
    if is_plain && !endpoint.as_ref().is_some_and(address::is_loopback) {
        return Err("AWS_ENDPOINT_URL is not encrypted, and recordings would cross the network in the clear: name one with https".to_owned());
    }
    let options =
        ClientOptions::new().with_allow_http(is_plain).with_timeout(REQUEST_TIME).with_connect_timeout(CONNECT_TIME);
    let retry = RetryConfig { max_retries: REPEATS, retry_timeout: REQUEST_TIME, ..RetryConfig::default() };
    let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_client_options(options).with_retry(retry);
    builder.build().map_err(|error| format!("the store s3://{bucket} can't be used ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Store) {
        let home = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Address::Folder(home.path().join("store"))).expect("a store");
        (home, store)
    }

    #[tokio::test]
    async fn an_object_is_never_written_over_and_is_read_back_in_parts() {
        let (_home, store) = folder();
        let place = crate::part_place("site", "recording", (1, 1), "abc");
        assert_eq!(store.sum(&place).await, Ok(None));
        assert_eq!(store.read(&place, 0..1).await, Err(StoreError::Missing));
        assert_eq!(store.put(&place, Bytes::from_static(b"audio")).await, Ok(Put::New));
        assert_eq!(store.put(&place, Bytes::from_static(b"other")).await, Ok(Put::There));
        let sum = digest(b"audio");
        assert_eq!(store.sum(&place).await, Ok(Some((5, sum))));
        assert_eq!(store.read(&place, 1..3).await.expect("read").as_ref(), b"ud");
        assert_eq!(store.read(&place, 3..9).await.expect("read").as_ref(), b"io");
        assert_eq!(store.below("sites/site").await, Ok(vec![place.clone()]));
        assert_eq!(store.below("sites/other").await, Ok(Vec::new()));
        assert_eq!(store.sum_of(&[place.clone(), place.clone()]).await, Ok(Some((10, digest(b"audioaudio")))));
        assert_eq!(store.remove(&place).await, Ok(()));
        assert_eq!(store.remove(&place).await, Ok(()), "what is not there is removed");
        assert_eq!(store.sum(&place).await, Ok(None));
    }
}
