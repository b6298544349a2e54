//! The environment of a client (客户端环境变量): variables and files with which a program in any language reaches the
//! sandbox, although its own settings are for the real platform.
//!
//! Programs that take a base URL and keys from `WEIPAY_*` get those. Programs with fixed hosts get the sandbox as their proxy,
//! and trust in its [authority](crate::Sandbox::ca_certificate), by the variables and files that their languages know.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

use crate::authority::{OFFICIAL_DOMAINS, is_official};
use crate::kit::KitOnDisk;
use crate::sandbox::Sandbox;

/// The variables from which `weipay` makes a client; a test there compares them.
const CLIENT_VARIABLES: [&str; 11] = [
    "WEIPAY_BASE_URL",
    "WEIPAY_MCHID",
    "WEIPAY_MERCHANT_SERIAL",
    "WEIPAY_MERCHANT_KEY",
    "WEIPAY_MERCHANT_CERTIFICATE",
    "WEIPAY_MERCHANT_CERTIFICATE_PASSWORD",
    "WEIPAY_PUBLIC_KEY_ID",
    "WEIPAY_PUBLIC_KEY",
    "WEIPAY_PLATFORM_CERTIFICATES",
    "WEIPAY_API_V3_KEY",
    "WEIPAY_API_V2_KEY",
];

/// Variables for a client, and the files that they name, which are deleted when this is dropped.
///
/// | variable | value |
/// |---|---|
/// | `WEIPAY_*`, `WEIPAY_KIT` | the kit, and the path of `kit.json` |
/// | `HTTPS_PROXY`, `https_proxy` | the sandbox; it responds for every host of WeChat Pay, and leads to no other host |
/// | `NO_PROXY`, `no_proxy` | what was there, without hosts of WeChat Pay, and this machine |
/// | `SSL_CERT_FILE`, `CURL_CA_BUNDLE`, `REQUESTS_CA_BUNDLE` | the certificates of the system, those that these variables named before, and that of the authority |
/// | `NODE_EXTRA_CA_CERTS`, `NODE_USE_ENV_PROXY` | the same for Node.js |
/// | `PHP_INI_SCAN_DIR` | the same for PHP, after the folders that it named before |
/// | `JAVA_TOOL_OPTIONS` | the same for Java, after the options that were there |
#[derive(Debug)]
pub struct ClientEnvironment {
    variables: Vec<(&'static str, OsString)>,
    unset: Vec<&'static str>,
    _files: TempDir,
}

impl ClientEnvironment {
    pub(crate) fn new(sandbox: &Sandbox) -> io::Result<Self> {
        let files = tempfile::Builder::new().prefix("weipay-environment-").tempdir()?;
        let (kit, authority) = (sandbox.kit_on_disk(), sandbox.ca_certificate());
        let mut variables: Vec<(&'static str, OsString)> =
            kit.variables().into_iter().map(|(name, value)| (name, value.into())).collect();
        variables.push(("WEIPAY_KIT", kit.file().into()));
        let address = sandbox.address();
        for name in ["HTTPS_PROXY", "https_proxy"] {
            variables.push((name, format!("http://{address}").into()));
        }
        let known = env::var("NO_PROXY").or_else(|_| env::var("no_proxy")).unwrap_or_default();
        for name in ["NO_PROXY", "no_proxy"] {
            variables.push((name, without_proxy(&known).into()));
        }
        let bundle = bundle(files.path(), authority)?;
        for name in ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"] {
            variables.push((name, bundle.clone().into()));
        }
        let store = java_trust_store(files.path(), authority)?;
        let java = format!(
            "-Djavax.net.ssl.trustStore={} -Dhttps.proxyHost={} -Dhttps.proxyPort={}",
            store.display(),
            address.ip(),
            address.port()
        );
        variables.extend([
            ("NODE_EXTRA_CA_CERTS", node_authorities(files.path(), authority)?.into()),
            ("NODE_USE_ENV_PROXY", "1".into()),
            ("PHP_INI_SCAN_DIR", php_folders(files.path(), &bundle, env::var_os("PHP_INI_SCAN_DIR"))?),
            ("JAVA_TOOL_OPTIONS", java_options(env::var_os("JAVA_TOOL_OPTIONS"), &java)),
        ]);
        Ok(Self { variables, unset: kit.variables_to_unset(), _files: files })
    }

    /// Variables to remove from the environment: a client would read them in addition to the kit, and trust keys of
    /// the real platform.
    pub fn variables_to_unset(&self) -> impl Iterator<Item = &'static str> {
        self.unset.iter().copied()
    }

    /// The variables, as `std::process::Command::envs` takes them.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &OsString)> {
        self.variables.iter().map(|(name, value)| (*name, value))
    }
}

impl KitOnDisk {
    /// The `WEIPAY_*` variables that [`variables`](Self::variables) does not set. Unset them: they belong to another
    /// configuration.
    #[must_use]
    pub fn variables_to_unset(&self) -> Vec<&'static str> {
        let used = self.variables();
        let is_unused = |name: &&str| used.iter().all(|(used, _)| used != name);
        CLIENT_VARIABLES.into_iter().filter(is_unused).collect()
    }

    /// The kit as the `WEIPAY_*` variables that a client is configured with. Files have absolute paths, so that they are found
    /// from any folder.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let file = |name: &str| self.dir().join(name).display().to_string();
        let kit = self.kit();
        // A client takes one kind of key: the public key where there is one.
        let certificate = kit.platform_cert.as_deref().filter(|_| kit.public_key.is_none());
        let variables = [
            ("WEIPAY_BASE_URL", Some(kit.base_url.clone())),
            ("WEIPAY_MCHID", Some(kit.mchid.clone())),
            ("WEIPAY_MERCHANT_SERIAL", Some(kit.merchant_serial.clone())),
            ("WEIPAY_MERCHANT_KEY", Some(file(&kit.merchant_key))),
            ("WEIPAY_MERCHANT_CERTIFICATE", Some(file(&kit.merchant_cert))),
            ("WEIPAY_PUBLIC_KEY_ID", kit.public_key_id.clone()),
            ("WEIPAY_PUBLIC_KEY", kit.public_key.as_deref().map(file)),
            ("WEIPAY_PLATFORM_CERTIFICATES", certificate.map(file)),
            ("WEIPAY_API_V3_KEY", Some(kit.api_v3_key.clone())),
            ("WEIPAY_API_V2_KEY", Some(kit.api_v2_key.clone())),
        ];
        variables.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// The options of Java that were there, and these. If they named hosts that are reached without a proxy,
/// these are named again behind them, without those of WeChat Pay: the last word counts.
fn java_options(known: Option<OsString>, options: &str) -> OsString {
    const WITHOUT_PROXY: &str = "-Dhttp.nonProxyHosts=";
    let mut text = known.unwrap_or_default();
    let shown = text.to_string_lossy().replace(['"', '\''], "");
    let given: Vec<&str> =
        shown.split_whitespace().filter_map(|option| option.strip_prefix(WITHOUT_PROXY)).collect();
    if !text.is_empty() {
        text.push(" ");
    }
    text.push(options);
    if !given.is_empty() {
        let hosts = given.iter().flat_map(|hosts| hosts.split('|'));
        let hosts = hosts.filter(|host| !host.is_empty() && !covers_the_platform(host));
        // Java's own ones, in whose place an option stands.
        let hosts: Vec<&str> = ["localhost", "127.*", "[::1]"].into_iter().chain(hosts).collect();
        text.push(format!(" {WITHOUT_PROXY}{}", hosts.join("|")));
    }
    text
}

/// Whether an entry of `NO_PROXY` is about a host of WeChat Pay: `*`, `.qq.com`, `*.weixin.qq.com`,
/// `api.mch.weixin.qq.com:443`. A program that reaches such a host without the proxy calls the real platform.
fn covers_the_platform(entry: &str) -> bool {
    let entry = entry.trim().to_ascii_lowercase();
    let host = match entry.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => &entry,
    };
    if host == "*" {
        return true;
    }
    let host = host.trim_start_matches('*').trim_matches('.');
    // Java takes a star at the end too. Before it, only numbers cannot be the beginning of a name of the platform.
    if let Some((before, _)) = host.split_once('*') {
        return !before.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') || before.is_empty();
    }
    let is_above =
        |domain: &&str| domain.strip_suffix(host).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !host.is_empty() && (is_official(host) || OFFICIAL_DOMAINS.iter().any(is_above))
}

/// The hosts that are reached without a proxy: those that were already, and this machine. Never the platform.
fn without_proxy(known: &str) -> String {
    // Go and curl take commas, some programs blanks.
    let entries = known.split([',', ' ']).map(str::trim).filter(|host| !host.is_empty());
    let mut hosts: Vec<&str> = entries.filter(|host| !covers_the_platform(host)).collect();
    for host in ["localhost", "127.0.0.1", "::1"] {
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts.join(",")
}

/// Where systems have their certificates.
const SYSTEM_BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/etc/openssl/cert.pem",
];

/// The certificates of the system, those that were trusted already, and that of the authority: a client may have other hosts that
/// it reaches without the proxy.
fn bundle(folder: &Path, authority: &Path) -> io::Result<PathBuf> {
    let mut known = trusted_by("SSL_CERT_FILE").into_iter().chain(SYSTEM_BUNDLES.map(PathBuf::from));
    let system = known.find(|file| file.is_file());
    let others = ["CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"].into_iter().filter_map(trusted_by);
    let mut files: Vec<PathBuf> = system.into_iter().chain(others).collect();
    files.dedup();
    write_bundle(folder.join("ca-bundle.pem"), files, authority)
}

/// The authorities that Node.js was told of, and that of the sandbox.
fn node_authorities(folder: &Path, authority: &Path) -> io::Result<PathBuf> {
    match trusted_by("NODE_EXTRA_CA_CERTS") {
        Some(known) => write_bundle(folder.join("node-ca.pem"), vec![known], authority),
        None => Ok(authority.to_owned()),
    }
}

/// The file of certificates that a variable names, if it is one.
fn trusted_by(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from).filter(|file| file.is_file())
}

fn write_bundle(file: PathBuf, known: Vec<PathBuf>, authority: &Path) -> io::Result<PathBuf> {
    let mut bundle = Vec::new();
    for known in known {
        // One that cannot be read could not be used before either.
        bundle.extend(fs::read(known).unwrap_or_default());
        bundle.push(b'\n');
    }
    bundle.extend(fs::read(authority)?);
    fs::write(&file, bundle)?;
    Ok(file)
}

/// Folders with settings of PHP: those that the variable named, and one for the sandbox. An empty name means
/// those that PHP was built with.
fn php_folders(folder: &Path, bundle: &Path, known: Option<OsString>) -> io::Result<OsString> {
    let php = folder.join("php");
    fs::create_dir(&php)?;
    let bundle = bundle.display();
    fs::write(php.join("weipay.ini"), format!("curl.cainfo=\"{bundle}\"\nopenssl.cafile=\"{bundle}\"\n"))?;
    let mut folders = known.unwrap_or_default();
    folders.push(if cfg!(windows) { ";" } else { ":" });
    folders.push(php);
    Ok(folders)
}

/// The password of the store, Java's own default. It protects nothing: a trust store holds no secret.
const PASSWORD: &str = "changeit";

/// A store of the format JKS, version 2, which every version of Java reads, with the authority's certificate alone.
fn java_trust_store(folder: &Path, authority: &Path) -> io::Result<PathBuf> {
    const MAGIC: u32 = 0xFEED_FEED;
    const VERSION: u32 = 2;
    const TRUSTED_CERTIFICATE: u32 = 2;
    let certificate = CertificateDer::from_pem_file(authority).map_err(io::Error::other)?;
    let mut store = Vec::new();
    for number in [MAGIC, VERSION, 1, TRUSTED_CERTIFICATE] {
        store.extend(number.to_be_bytes());
    }
    put_text(&mut store, "weipay-sandbox")?;
    // When it was added, in milliseconds: of no use to anybody.
    store.extend(0_u64.to_be_bytes());
    put_text(&mut store, "X.509")?;
    store.extend(u32::try_from(certificate.len()).map_err(io::Error::other)?.to_be_bytes());
    store.extend_from_slice(&certificate);
    let mut digested: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_be_bytes).collect();
    // A part of the format.
    digested.extend(b"Mighty Aphrodite");
    digested.extend(&store);
    store.extend(digest(&SHA1_FOR_LEGACY_USE_ONLY, &digested).as_ref());
    let file = folder.join("truststore.jks");
    fs::write(&file, store)?;
    Ok(file)
}

fn put_text(store: &mut Vec<u8>, text: &str) -> io::Result<()> {
    store.extend(u16::try_from(text.len()).map_err(io::Error::other)?.to_be_bytes());
    store.extend(text.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn this_machine_is_reached_without_the_proxy_beside_what_was_already() {
        assert_eq!(without_proxy(""), "localhost,127.0.0.1,::1");
        assert_eq!(without_proxy("example.com, localhost,"), "example.com,localhost,127.0.0.1,::1");
    }

    #[test]
    fn hosts_of_the_platform_are_never_reached_without_the_proxy() {
        for entry in [
            "*",
            ".qq.com",
            "*.qq.com",
            "qq.com",
            "com",
            "WEIXIN.qq.com",
            "*.weixin.qq.com",
            "api.mch.weixin.qq.com",
            "api.mch.weixin.qq.com:443",
            ".wechatpay.cn",
            "tenpay.com",
        ] {
            assert_eq!(without_proxy(entry), "localhost,127.0.0.1,::1", "{entry}");
        }
        for entry in ["q.com", "xqq.com", "example.com:8080", "10.0.0.0/8", "::1", "weixin.qq.com.example"] {
            assert!(without_proxy(entry).split(',').any(|host| host == entry), "{entry}");
        }
        for given in [
            "-Xmx1g -Dhttp.nonProxyHosts=*.qq.com|*.example.com|10.*",
            "-Dhttp.nonProxyHosts=\"*.qq.com|*.example.com\"\t-Dhttp.nonProxyHosts=10.*|api.mch.*",
            "\"-Dhttp.nonProxyHosts=*.example.com|api.*|10.*\"",
        ] {
            let told = format!("{given} -Da=b -Dhttp.nonProxyHosts=localhost|127.*|[::1]|*.example.com|10.*");
            assert_eq!(java_options(Some(given.into()), "-Da=b"), OsString::from(told));
        }
        assert_eq!(java_options(Some("-Xmx1g".into()), "-Da=b"), "-Xmx1g -Da=b");
        assert_eq!(java_options(None, "-Da=b"), "-Da=b");
    }

    #[test]
    fn what_php_was_told_before_stays() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("php").display().to_string();
        let bundle = folder.path().join("ca-bundle.pem");
        let folders = php_folders(folder.path(), &bundle, Some("/etc/php/conf.d".into())).unwrap();
        let separator = if cfg!(windows) { ';' } else { ':' };
        assert_eq!(folders, OsString::from(format!("/etc/php/conf.d{separator}{own}")));
    }

    #[test]
    fn what_a_kit_does_not_set_is_removed() {
        let sandbox = Sandbox::start().unwrap();
        let environment = sandbox.client_environment().unwrap();
        let unset: Vec<_> = environment.variables_to_unset().collect();
        // This merchant has a public key.
        assert_eq!(unset, ["WEIPAY_MERCHANT_CERTIFICATE_PASSWORD", "WEIPAY_PLATFORM_CERTIFICATES"]);
    }

    #[test]
    fn everything_of_the_kit_that_a_client_reads_is_there() {
        let sandbox = Sandbox::start().unwrap();
        let variables: std::collections::BTreeMap<_, _> =
            sandbox.kit_on_disk().variables().into_iter().collect();
        let kit = sandbox.kit();
        assert_eq!(variables["WEIPAY_API_V2_KEY"], kit.api_v2_key);
        let certificate = fs::read_to_string(&variables["WEIPAY_MERCHANT_CERTIFICATE"]).unwrap();
        assert_eq!(certificate, sandbox.kit_on_disk().merchant_cert_pem().unwrap());
    }

    #[test]
    fn the_files_that_variables_name_are_there_until_it_is_dropped() {
        let sandbox = Sandbox::start().unwrap();
        let environment = sandbox.client_environment().unwrap();
        let value = |wanted: &str| {
            let (_, value) = environment.variables().find(|(name, _)| *name == wanted).unwrap();
            PathBuf::from(value)
        };
        let authority = fs::read_to_string(sandbox.ca_certificate()).unwrap();
        let bundle = value("SSL_CERT_FILE");
        assert!(fs::read_to_string(&bundle).unwrap().ends_with(&authority));
        assert_eq!(
            fs::read_to_string(value("WEIPAY_KIT")).unwrap(),
            fs::read_to_string(sandbox.kit_file()).unwrap()
        );
        let php = value("PHP_INI_SCAN_DIR").to_str().unwrap().rsplit_once(':').map(|(_, own)| own.into());
        let php: PathBuf = php.unwrap();
        let settings = fs::read_to_string(php.join("weipay.ini")).unwrap();
        assert!(settings.contains(bundle.to_str().unwrap()), "{settings}");
        drop(environment);
        assert!(!bundle.exists());
    }

    /// Java's own program reads the store, where Java is there; `foreign/` uses it with an SDK in any case.
    #[test]
    fn java_reads_its_trust_store() {
        let sandbox = Sandbox::start().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = java_trust_store(folder.path(), sandbox.ca_certificate()).unwrap();
        let mut list = Command::new("keytool");
        list.arg("-list").arg("-keystore").arg(&store).args(["-storepass", PASSWORD]);
        let Ok(listed) = list.output() else { return };
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(listed.status.success() && text.contains("weipay-sandbox"), "{text}");
    }
}
