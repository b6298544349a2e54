//! `weipay sandbox env`: the kit as the variables that a client is configured by, for `eval` in a shell.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use weipay_sandbox::kit::{self, KitOnDisk};

use crate::exit;

pub(super) fn run(data: &Path) -> ExitCode {
    let kit = match kit::read(data) {
        Ok(kit) => kit,
        Err(error) => {
            let how = format!("{error:#}; `weipay sandbox init --data {}` makes a kit", data.display());
            return exit::with(exit::FAILED, &how);
        }
    };
    match anstream::stdout().write_all(exports(&kit).as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::with(exit::FAILED, &error),
    }
}

/// One `export` a line. Files are named with their whole paths, so that they are found from any folder.
fn exports(kit: &KitOnDisk) -> String {
    let file = |name: &str| kit.dir().join(name).display().to_string();
    let members = kit.kit();
    [
        ("WEIPAY_BASE_URL", members.base_url.clone()),
        ("WEIPAY_MCHID", members.mchid.clone()),
        ("WEIPAY_MERCHANT_SERIAL", members.merchant_serial.clone()),
        ("WEIPAY_MERCHANT_KEY", file(&members.merchant_key)),
        ("WEIPAY_PUBLIC_KEY_ID", members.public_key_id.clone()),
        ("WEIPAY_PUBLIC_KEY", file(&members.public_key)),
        ("WEIPAY_API_V3_KEY", members.api_v3_key.clone()),
    ]
    .map(|(name, value)| format!("export {name}={}\n", quoted(&value)))
    .concat()
}

/// A word that a POSIX shell takes as it is.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_reaches_the_shell_unchanged() {
        assert_eq!(quoted("a b$c"), "'a b$c'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
