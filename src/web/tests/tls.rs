//! TLS as other machines meet it: with a certificate that `openssl` makes, on a socket.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

use super::{
    confined::{served_by, setup},
    skip::is_installed,
    *,
};
use crate::{Certificate, Setup, listen};

const NAME: &str = "desk.example";

/// A key, and a certificate for it that nobody else has signed, which is good for [`NAME`].
fn certify(folder: &Path, name: &str) -> Certificate {
    let of = |what: &str| folder.join(format!("{name}-{what}.pem"));
    let certificate = Certificate { chain: of("chain"), key: of("key") };
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", &format!("/CN={NAME}"), "-addext", &format!("subjectAltName=DNS:{NAME}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&certificate.key)
        .arg("-out")
        .arg(&certificate.chain)
        .stderr(Stdio::null())
        .status()
        .expect("openssl");
    assert!(made.success());
    certificate
}

/// What a browser gets that trusts this certificate.
fn ask(address: SocketAddr, trusted: &Certificate, request: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&trusted.chain).expect("a certificate")).expect("it is one");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await?;
        let name = ServerName::try_from(NAME).expect("a name");
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        Ok(answer)
    })
}

fn get(host: &str) -> String {
    format!("GET /login HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

#[test]
fn other_machines_come_by_tls_alone_and_their_cookies_never_leave_it() {
    if !is_installed("openssl") {
        return;
    }
    let home = Home::new();
    let [ours, others] = ["ours", "others"].map(|name| certify(home.path(), name));
    let address = "0.0.0.0:0".parse().expect("an address");
    let setup = Setup { address, certificate: Some(ours.clone()), names: vec![NAME.to_owned()], ..setup(&home) };
    let come = |address: SocketAddr| {
        let here = SocketAddr::from(([127, 0, 0, 1], address.port()));
        let page = ask(here, &ours, &get(NAME)).expect("an answer");
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        assert!(page.contains("\r\nstrict-transport-security: max-age=31536000\r\n"), "{page}");
        let cookies: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("set-cookie: ")).collect();
        assert_eq!(cookies.len(), 1, "{page}");
        assert!(cookies[0].starts_with("__Host-retrocall=") && cookies[0].contains("; Secure"), "{cookies:?}");
        // By a name that is not ours nothing is served, and to whoever trusts another certificate nothing is said.
        assert!(ask(here, &ours, &get("evil.example")).expect("an answer").starts_with("HTTP/1.1 421"));
        assert!(ask(here, &others, &get(NAME)).is_err());
        let mut plain = TcpStream::connect(here).expect("it listens");
        plain.write_all(get(NAME).as_bytes()).expect("sent");
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer);
        assert!(!answer.windows(4).any(|bytes| bytes == b"HTTP"), "HTTP without TLS is not answered");
    };
    served_by(setup, |listening| assert!(listening.url(true).starts_with("https://")), come);
}

#[test]
fn a_certificate_that_can_not_be_used_is_refused_with_what_to_do() {
    if !is_installed("openssl") {
        return;
    }
    let home = Home::new();
    let [ours, others] = ["ours", "others"].map(|name| certify(home.path(), name));
    let refused = |chain: &Path, key: &Path| {
        let certificate = Some(Certificate { chain: chain.to_owned(), key: key.to_owned() });
        listen(Setup { certificate, ..setup(&home) }).err().expect("refused")
    };
    let sealed = home.path().join("sealed.pem");
    let sealing = Command::new("openssl")
        .args(["pkey", "-aes256", "-passout", "pass:secret", "-in"])
        .arg(&ours.key)
        .arg("-out")
        .arg(&sealed)
        .status();
    assert!(sealing.expect("openssl").success());
    for (chain, key, why) in [
        (&ours.chain, &others.key, "don't fit"),
        (&ours.key, &ours.key, "has no certificate in PEM"),
        (&ours.chain, &ours.chain, "has no private key in PEM"),
        (&ours.chain, &home.path().join("none.pem"), "none.pem can't be read"),
        (&ours.chain, &sealed, "is sealed with a password"),
    ] {
        let said = refused(chain, key);
        assert!(said.contains(why), "{said}");
    }
}
