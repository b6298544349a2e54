//! Known answers from outside: the example merchant of the official documentation (mchid 1900007291), whose public key
//! and signatures are published, and the digests of the messages to tell a wrong message from a wrong key.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use weipay_wire::{PublicKey, request_message};

const TIMESTAMP: i64 = 1_554_208_460;
const NONCE: &str = "593BEC0C930BF1AFEB40B4A08C8FB242";

/// The example merchant's public key, as SubjectPublicKeyInfo.
const KEY: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAptpm+qvIDCh/9wjU26SQCK26ogYkBhDrYxnAaw2JbbBsp1oDbHKk\
     +1r381NeBUG2HEFAuU+Fr72u5ot3yKdzoF/FajAzQNKnm569/D3upKoi8mYBaST15Uig8j8qoUW1U217LL0jEHlSnHV3lcaD\
     TXqDpTRR4Bfz9IqOgJgFZ8/oTfEomSrjrLYef81Eyxr7ZIMQXEKKEK7V4UXKS0+/fDsiG/cXidhzt8UbTL9vqXqxM2+IDImy\
     O+FAc/tkBG55LmzxPto1Nq0WbnZzRM/wTzrd0I/8NlevxtFbphg4evlHjFNI7+GrqR87ViEwuAJJ9Je5QQjct5YJfFRWiZ5C\
     MQIDAQAB";

const BODY: &str = r#"{"appid":"wxd678efh567hg6787","mchid":"1900007291","description":"Image形象店-深圳腾大-QQ公仔","out_trade_no":"1217752501201407033233368018","notify_url":"https://www.weixin.qq.com/wxpay/pay.php","amount":{"total":100,"currency":"CNY"},"payer":{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}"#;

/// The query of the older page, which was signed with `%3D` where a client sends `=`.
const OLDER_QUERY: &str = "/v3/marketing/partnerships?limit=5&offset=10&authorized_data%3D%7B%22business_type%22%3A%22FAVOR\
     _STOCK%22%2C%20%22stock_id%22%3A%222433405%22%7D&partner%3D%7B%22type%22%3A%22APPID%22%2C%22appi\
     d%22%3A%22wx4e1916a585d1f4e9%22%2C%22merchant_id%22%3A%222480029552%22%7D";

/// The query of the current page, with a space (`%20`) after the comma in `authorized_data`.
const CURRENT_QUERY: &str = "/v3/marketing/partnerships?limit=5&offset=10&authorized_data=%7B%22business_type%22%3A%22FAVOR_S\
     TOCK%22%2C%20%22stock_id%22%3A%222433405%22%7D&partner=%7B%22type%22%3A%22APPID%22%2C%22appid%22\
     %3A%22wx4e1916a585d1f4e9%22%2C%22merchant_id%22%3A%222480029552%22%7D";

const PATH_SIGNATURE: &str = "Lc9VXxmeonkdV8Xk9tmigQFLhl0vRWTerdmoRu01aAnYwIrD/5nsSwE1WlmZGLRlAFTNQ3QsMa0+VRDlJp1Wp5p0nO8EK68b\
     5sJBbjouxaFciIfq1zfDWWz+jqhcMoKXI1A6dPm1AW7D4d30WsMTNzp6g23OXakIsh9LO3lUmwvTuE0BY8ncf6tNGk4wKmvX\
     wERd/ZpoQY3MAVKz+Nakwc+2XBmzT66KcUehU5kr4IvGa/lEU5RZb/q00zP9VLdBhC/jQSX3X1UcJLCtEc4gTmib4tnmAT+b\
     HF/e17ZAuxDNcx6rqT8gNEXqaJGG+1OflMSTU2tpyG65G4dMKdFcoA==";

const BODY_SIGNATURE: &str = "jnks4dlrPw3ZX+ozVvSK39oa0t7OMBsg83BHAwd8BRdUFiVaQNTLTvci+wURgP1OQBbKYhFGvt7iqYpDSTQkp7Uq1sltaQKy\
     ncCyrA1g88m5bsKERQfPyT0ahSwKTYJ1CAn9QiJuSJRq1QsQs07eehbU/k9BCS51jTyc1Jpsi2H77HF9f/BnjXAOP3/sPObg\
     6V5Ee4EzwLox684hhuMuIwHo7D8KFk3LIHOKDcNI4It1aCXydFWNpNK+SG86VUDe5kwoDpw4Ulqfu9z8OFDGbDs9TCxEv8iq\
     QzbpxOlEVoOe2kalSYM5kApQb3nZcxdUtoE0liJGW3RGUNE0t4v01A==";

const OLDER_QUERY_SIGNATURE: &str = "C9PrZx8RTw7NF+e6SLmZxKgUBdXjH6EmUiu1i85Y6MApfWn4ueNpS4ED5no6uGObU0cfzTdaWyl6gAWDmyO2nG3MjHursadp\
     zpNT8d+HaZapKis+boTHwJLgZXHXtacjX4zx2lOk/AONrKCLkjXRnh/DDp/kNsmDNYEiu+d/SeVvr+cL0XkL0CibAphyQSLY\
     kv7Fh9uel89ax3ZGgVnBx+/MaBLCrYc1UqyYBDqfWPhS9fZf2OSghWMFp9c5dm+ORc97XbgzSOwAl8dcfLSrL/Sb4+L57+JZ\
     iq0iURjMXWzAD8FTUFYsJtJOYszRXJKLZNh4WGST39oplhhSdtxcoQ==";

const CURRENT_QUERY_SIGNATURE: &str = "UkBXG+nh1FdunUfB6H4t6Mp4YrDEhpA6Q+zzQb4oFONPit0yHPe6AvvM7uKExZukYNdcN0E3a31YnylNQFc1gf+so/6kJEgf\
     YJHVhUvxWx1zTxHFahUVbp1JppHyfI2inNijq+PD4AWyC8aoGr67DZZLI0QnAOttJw5BrmPtrtyPXEy2yTbAz8v8Osix6D6o\
     dzMHgapU2STvwEizJGXTBulieEHRbu8yESbo/rAMIIlCAkngjb4lRE6HmWgNl5OSfxf84ViSnbJ8JrV3ZiRPZAj2MKDRIIng\
     ufMeW0Sr66wGPICo7wgTbRAfHbOJ9MYoJZCrRVaPrEOPmwqo6pzoXg==";

const PAY_SIGNATURE: &str = "mI35pfNEQV6777ke/1T+LJLQDNTm7yeoUJH+j/adPGhmCCi0PbgkvYQTRcXH0uibcLVtvFLdGLpmoYO9FV6lBBsTAjuhh5YO\
     vQi0e2g3e0yytitiNET9FEuqM0pjnKfRW4K6LIZDdbWJv9KhZUx3DrJa5TL7OJ7VdADVivxVySIlPVKjGwuCXzuXSJes0UcI\
     LgWQUMyha5/3nYofuHtS7r+KYyMuxD+oJ9VM1Qdxk4UIG59CP5Y3wtYIFybyF3bdu1caHTRRX+DLyMXyYA/IrTmiW01c4RPj\
     pHBX5Dk1sZyY1zVsWNsvMHr2e1NTWtBxKJ+qk5N61J7caYoepHFaxw==";

fn key() -> PublicKey {
    PublicKey::from_spki_der(&STANDARD.decode(KEY).unwrap()).unwrap()
}

fn hex_digest(message: &[u8]) -> String {
    base16ct::lower::encode_string(digest(&SHA256, message).as_ref())
}

fn verifies(message: &[u8], sha256: &str, signature: &str) {
    assert_eq!(hex_digest(message), sha256, "{}", String::from_utf8_lossy(message));
    assert_eq!(key().verify(message, signature), Ok(()));
}

#[test]
fn the_documented_request_without_a_body_verifies() {
    let message = request_message("GET", "/v3/refund/domestic/refunds/123123123123", TIMESTAMP, NONCE, b"");
    verifies(&message, "c65a830c3a6f61f3312ff204f6e4fda6397078cb96775237273c1d0f8da02dcd", PATH_SIGNATURE);
}

#[test]
fn the_documented_request_with_a_body_verifies() {
    let message = request_message("POST", "/v3/pay/transactions/jsapi", TIMESTAMP, NONCE, BODY.as_bytes());
    verifies(&message, "87a9f84cd9b4bdb78ec4dbe4595c8c8bf04d3e79a6765b2100741d1a473d37af", BODY_SIGNATURE);
}

#[test]
fn the_documented_query_verifies_as_the_older_page_signed_it() {
    let message = request_message("GET", OLDER_QUERY, TIMESTAMP, NONCE, b"");
    verifies(
        &message,
        "9294fb40c73660ab408d016bd085cc0ab7c9d8e7f3cdb419c12c7737d463514c",
        OLDER_QUERY_SIGNATURE,
    );
}

#[test]
fn the_documented_query_verifies_as_the_current_page_signs_it() {
    let message = request_message("GET", CURRENT_QUERY, TIMESTAMP, NONCE, b"");
    verifies(
        &message,
        "75bc954640189008bcf5330adeef4cc0782bf3fe7d98d428239d9f36e34f1f82",
        CURRENT_QUERY_SIGNATURE,
    );
}

#[test]
fn the_documented_pay_string_of_a_mini_program_verifies() {
    let lines =
        ["wx2421b1c4370ec43b", "1554208460", NONCE, "prepay_id=wx201410272009395522657a690389285100", ""];
    verifies(
        lines.join("\n").as_bytes(),
        "bf5c0eab11b7710ea376aaa5038ad079fb8175af60d6cbf676fa3bcc4d218bcb",
        PAY_SIGNATURE,
    );
}

#[test]
fn two_ways_to_write_one_query_are_two_messages() {
    let message = request_message("GET", CURRENT_QUERY, TIMESTAMP, NONCE, b"");
    assert!(key().verify(&message, OLDER_QUERY_SIGNATURE).is_err());
}

#[test]
fn a_documented_signature_fails_over_any_other_request() {
    let other = |method: &str, target: &str, timestamp: i64, nonce: &str, body: &str| {
        let message = request_message(method, target, timestamp, nonce, body.as_bytes());
        key().verify(&message, BODY_SIGNATURE).is_ok()
    };
    let path = "/v3/pay/transactions/jsapi";
    assert!(other("POST", path, TIMESTAMP, NONCE, BODY), "the control must verify");
    assert!(!other("post", path, TIMESTAMP, NONCE, BODY), "method in lower case");
    assert!(!other("POST", "//v3/pay/transactions/jsapi", TIMESTAMP, NONCE, BODY), "doubled slash");
    assert!(!other("POST", "/v3/pay/transactions/jsapi?", TIMESTAMP, NONCE, BODY), "bare question mark");
    assert!(!other("POST", path, TIMESTAMP + 1, NONCE, BODY), "another second");
    assert!(!other("POST", path, TIMESTAMP, &NONCE.to_lowercase(), BODY), "nonce in lower case");
    assert!(!other("POST", path, TIMESTAMP, NONCE, &BODY.replace(":100,", ":101,")), "another amount");
    assert!(!other("POST", path, TIMESTAMP, NONCE, &format!("{BODY}\n")), "one more line feed");
    assert!(!other("POST", path, TIMESTAMP, NONCE, ""), "no body");
}

#[test]
fn the_last_line_feed_is_part_of_the_message() {
    let mut message =
        request_message("POST", "/v3/pay/transactions/jsapi", TIMESTAMP, NONCE, BODY.as_bytes());
    assert_eq!(message.pop(), Some(b'\n'));
    assert!(key().verify(&message, BODY_SIGNATURE).is_err());
}

#[test]
fn dropping_the_query_breaks_the_signature() {
    let path = CURRENT_QUERY.split('?').next().unwrap();
    let message = request_message("GET", path, TIMESTAMP, NONCE, b"");
    assert!(key().verify(&message, CURRENT_QUERY_SIGNATURE).is_err());
}
