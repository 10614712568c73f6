//! The address of a store.

use std::{env, fmt, net::IpAddr, path::PathBuf, str::FromStr};

use url::{Host, Url};

/// The environment's names for where S3 is.
const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Objects below a prefix of a bucket.
    Bucket {
        /// The bucket.
        bucket: String,
        /// Empty, or what the names of all objects begin with.
        prefix: String,
    },
    /// Files below a folder.
    Folder(PathBuf),
}

/// Why an address is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressError(&'static str);

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for AddressError {}

impl FromStr for Address {
    type Err = AddressError;

    /// ```
    /// use retrocall_store::Address;
    ///
    /// let bucket = Address::Bucket { bucket: "calls".to_owned(), prefix: "desk/one".to_owned() };
    /// assert_eq!("s3://calls/desk/one/".parse(), Ok(bucket));
    /// assert_eq!("file:///srv/calls".parse(), Ok(Address::Folder("/srv/calls".into())));
    /// assert!("https://calls".parse::<Address>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Address, AddressError> {
        const FORM: AddressError = AddressError("no store: write \"s3://BUCKET/PREFIX\" or \"file:///FOLDER\"");
        let url = Url::parse(text).map_err(|_| FORM)?;
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError(
                "a store's address names a place alone: keys and regions come from the environment",
            ));
        }
        match url.scheme() {
            "s3" => {
                let bucket = url.host_str().filter(|bucket| !bucket.is_empty()).ok_or(FORM)?.to_owned();
                Ok(Address::Bucket { bucket, prefix: url.path().trim_matches('/').to_owned() })
            }
            "file" => Ok(Address::Folder(url.to_file_path().map_err(|()| FORM)?)),
            _ => Err(FORM),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Address::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
            Address::Folder(folder) => write!(f, "file://{}", folder.display()),
        }
    }
}

impl Address {
    /// The port at which the store is reached over the network. None: it is a folder.
    pub fn port(&self) -> Option<u16> {
        matches!(self, Address::Bucket { .. })
            .then(|| endpoint().and_then(|url| url.port_or_known_default()).unwrap_or(443))
    }

    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&PathBuf> {
        match self {
            Address::Folder(folder) => Some(folder),
            Address::Bucket { .. } => None,
        }
    }
}

/// Where S3 is, if the environment says so.
pub(crate) fn endpoint() -> Option<Url> {
    let named = ENDPOINTS.iter().find_map(|name| env::var(name).ok())?;
    Url::parse(&named).ok()
}

/// Whether an address is one of this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}
