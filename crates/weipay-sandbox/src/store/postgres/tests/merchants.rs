//! Merchants and their kits, which nodes share.

use super::*;

#[test]
fn nodes_have_the_same_kits_also_of_merchants_that_one_of_them_adds() {
    let Some(config) = new_database() else { return };
    let address = StoreAddress(Kind::Postgres(Box::new(config)));
    let start = || Sandbox::builder().store(address.clone()).without_control().start().unwrap();
    let (first, second) = (start(), start());
    let key = |sandbox: &Sandbox| sandbox.kit_on_disk().merchant_key_pem().unwrap();
    assert_eq!(*key(&first), *key(&second));
    let authority = |sandbox: &Sandbox| fs::read(sandbox.ca_certificate()).unwrap();
    assert_eq!(authority(&first), authority(&second));
    let added = first.add_merchant(&NewMerchant::new()).unwrap();
    let also_added = second.add_merchant(&NewMerchant::new()).unwrap();
    assert_ne!(added.kit().mchid, also_added.kit().mchid);
    first.platform().look_at_merchants().unwrap();
    for (sandbox, kit) in [(&first, &also_added), (&second, &added)] {
        let known = sandbox.platform().kit_of(&kit.kit().mchid).unwrap();
        assert_eq!(*known.merchant_key_pem().unwrap(), *kit.merchant_key_pem().unwrap());
        assert_eq!(known.kit().base_url, sandbox.base_url());
    }
}

#[test]
fn no_change_of_a_merchant_is_lost_between_nodes() {
    use crate::merchants::record::{MerchantRecord, PlatformKeys};
    use crate::merchants::rotation::{KeyKind, RotationStep};

    const EACH: usize = 12;
    let Some(nodes) = two_sandboxes(None) else { return };
    let mchid = &*nodes[0].kit().mchid;
    thread::scope(|scope| {
        for (number, node) in nodes.iter().enumerate() {
            scope.spawn(move || {
                for bound in 0..EACH {
                    node.platform().bind(mchid, &[format!("wx{number}{bound:02}")], &[]).unwrap();
                }
            });
        }
    });
    let record = || nodes[0].platform().store.peek::<MerchantRecord>(mchid).unwrap().unwrap();
    assert_eq!(record().appids.len(), 1 + nodes.len() * EACH);

    // Both begin a rotation, and one of them is told that there is one already. What it made is nowhere.
    nodes[0].platform().set_platform_keys(mchid, PlatformKeys::PublicKey, None).unwrap();
    let begin = |node: &Sandbox| {
        node.platform().rotate_platform_key(mchid, KeyKind::PublicKey, RotationStep::Begin).is_ok()
    };
    let began = thread::scope(|scope| {
        let begun = nodes.each_ref().map(|node| scope.spawn(move || begin(node)));
        begun.map(|thread| thread.join().unwrap())
    });
    assert_eq!(began.iter().filter(|is_begun| **is_begun).count(), 1);
    assert_eq!(record().public_keys.keys.len(), 2);
    for node in &nodes {
        node.platform().look_at_merchants().unwrap();
        let kit = node.platform().kit_of(mchid).unwrap();
        kit.merchant_of(&record()).unwrap();
    }
}

#[test]
fn a_folder_with_a_kit_of_its_own_does_not_join_a_database_with_another() {
    let Some(config) = new_database() else { return };
    let address = StoreAddress(Kind::Postgres(Box::new(config)));
    let builder = || Sandbox::builder().store(address.clone()).without_control();
    drop(builder().start().unwrap());
    let folder = tempfile::tempdir().unwrap();
    crate::kit::init(folder.path()).unwrap();
    let refusal = format!("{:#}", builder().data(folder.path()).start().unwrap_err());
    assert!(refusal.contains("the database has another kit"), "{refusal}");
}

#[test]
fn nodes_that_start_at_once_with_one_seed_file_all_serve() {
    let Some(config) = new_database() else { return };
    let address = StoreAddress(Kind::Postgres(Box::new(config)));
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.json");
    fs::write(&seed, r#"{ "merchants": [{ "mchid": "1900000100" }, { "mchid": "1900000101", "certificate": "revoked" }] }"#).unwrap();
    let start = || {
        Sandbox::builder()
            .store(address.clone())
            .seed_file(&seed)
            .start()
            .map_err(|error| format!("{error:#}"))
    };
    let nodes: Vec<Sandbox> = thread::scope(|scope| {
        let starting: Vec<_> = (0..3).map(|_| scope.spawn(start)).collect();
        starting.into_iter().map(|starting| starting.join().unwrap().unwrap()).collect()
    });
    for mchid in ["1900000100", "1900000101"] {
        let serials: Vec<_> = nodes
            .iter()
            .map(|node| node.platform().kit_of(mchid).unwrap().kit().merchant_serial.clone())
            .collect();
        assert!(serials.iter().all(|serial| *serial == serials[0]), "{serials:?}");
    }
}

#[test]
fn a_merchant_that_another_node_has_added_is_known_to_every_route_at_once() {
    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    let mchid = first.add_merchant(&NewMerchant::new()).unwrap().kit().mchid.clone();
    call(&second, "POST", "/faults", Some(serde_json::json!({ "fault": "429", "merchant": mchid })));
    let mchid = first.add_merchant(&NewMerchant::new()).unwrap().kit().mchid.clone();
    assert_eq!(second.notifications().hold(Some(&mchid)).unwrap(), 0);
    let mchid = first.add_merchant(&NewMerchant::new()).unwrap().kit().mchid.clone();
    assert!(fs::read_to_string(second.snapshot("one").unwrap().file).unwrap().contains(&mchid));
    let mchid = first.add_merchant(&NewMerchant::new()).unwrap().kit().mchid.clone();
    assert!(call(&second, "GET", "/merchants", None).to_string().contains(&mchid));
}
