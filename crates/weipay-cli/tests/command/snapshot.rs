//! `weipay sandbox snapshot` and `weipay sandbox restore` on a running sandbox.

use std::fs;
use std::path::Path;

use crate::serving::{Serving, said, sandbox};

#[test]
fn the_state_is_kept_under_a_name_or_in_a_file_and_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("state.jsonl"));
    let file = file.to_str().unwrap();
    let _serving = Serving::start(&data);
    let time = |data: &Path| said(data, &["clock"])[..25].to_owned();
    let (noon, evening) = ("2026-08-15T12:00:00+08:00", "2026-08-15T18:00:00+08:00");
    said(&data, &["clock", "freeze", noon]);
    assert!(said(&data, &["snapshot", "noon"]).ends_with("noon.jsonl\n"));
    said(&data, &["clock", "freeze", evening]);
    assert_eq!(said(&data, &["snapshot", file]), format!("{file}\n"));
    let told = said(&data, &["restore", "noon"]);
    assert!(told.starts_with("restored noon: ") && told.contains(noon), "{told}");
    assert_eq!(time(&data), noon);
    let told = said(&data, &["restore", file]);
    assert!(told.starts_with(&format!("restored {file}: ")) && told.contains(evening), "{told}");
    assert_eq!(time(&data), evening);
    assert_eq!(fs::read_dir(data.join("snapshots")).unwrap().count(), 1, "nothing is left of the file's way");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        // Also over a file that others can read.
        fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
        said(&data, &["snapshot", file]);
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    for (wrong, code, told) in [
        ("morning", 1, "there are: noon"),
        ("in the morning", 2, "no snapshot has the name"),
        ("/dev/zero", 2, "not a regular file"),
        ("./missing.jsonl", 2, "cannot be read"),
    ] {
        let output = sandbox(&data, &["restore", wrong]);
        assert_eq!(output.status.code(), Some(code));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(told), "{said}");
    }
    // A file needs none of the places for snapshots with a name, of which there are a hundred.
    for number in 1..100 {
        fs::copy(data.join("snapshots/noon.jsonl"), data.join(format!("snapshots/{number}.jsonl"))).unwrap();
    }
    assert!(String::from_utf8_lossy(&sandbox(&data, &["snapshot", "more"]).stderr).contains("--remove NAME"));
    said(&data, &["snapshot", file]);
    said(&data, &["restore", file]);
    said(&data, &["snapshot", "--remove", "99"]);
    said(&data, &["snapshot", "more"]);
    assert_eq!(sandbox(&data, &["snapshot", "--remove", "99"]).status.code(), Some(1));
    assert_eq!(time(&data), evening);

    // A disk that is full: the snapshot stays where it was taken.
    #[cfg(target_os = "linux")]
    {
        let output = sandbox(&data, &["snapshot", "/dev/full"]);
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let (_, kept) = told.trim_end().split_once("It is whole in ").unwrap();
        said(&data, &["restore", kept]);
        fs::remove_file(kept).unwrap();
    }
    // What cannot be a file is told before anything is taken.
    assert_eq!(sandbox(&data, &["snapshot", folder.path().to_str().unwrap()]).status.code(), Some(2));

    fs::write(file, "{}\n").unwrap();
    assert_eq!(sandbox(&data, &["restore", file]).status.code(), Some(1));
    assert_eq!(time(&data), evening);
}
