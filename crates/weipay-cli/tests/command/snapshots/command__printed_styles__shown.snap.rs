//! What `weipay api show` prints as styles: written by a test, see `printed_styles.rs`.

type Done = Result<(), Box<dyn std::error::Error>>;

// GET v3/marketing/busifavor/callbacks
async fn style_1_of_0(client: &weipay::Client) -> Done {
    use weipay::v3::marketing::busifavor::callbacks::get;
    let request = get::Request::new();
    let response = client.v3().marketing().busifavor().callbacks().get(request).await?;
    drop(response);
    Ok(())
}
fn style_2_of_0(client: &weipay::blocking::Client) -> Done {
    use weipay::v3::marketing::busifavor::callbacks::get;
    let request = get::Request::new();
    let response = client.v3().marketing().busifavor().callbacks().get(request)?;
    drop(response);
    Ok(())
}
async fn style_3_of_0(client: &weipay::Client) -> Done {
    let response = client.chain("v3/marketing/busifavor/callbacks").get().await?;
    drop(response);
    Ok(())
}
fn style_4_of_0(client: &weipay::blocking::Client) -> Done {
    let response = client.chain("v3/marketing/busifavor/callbacks").get()?;
    drop(response);
    Ok(())
}
async fn style_5_of_0(client: &weipay::Client) -> Done {
    let response = client["v3/marketing/busifavor/callbacks"].get().await?;
    drop(response);
    Ok(())
}
fn style_6_of_0(client: &weipay::blocking::Client) -> Done {
    let response = client["v3/marketing/busifavor/callbacks"].get()?;
    drop(response);
    Ok(())
}

// POST v3/marketing/busifavor/coupons/disassociate
async fn style_1_of_1(client: &weipay::Client) -> Done {
    use weipay::v3::marketing::busifavor::coupons::disassociate::post;
    let request = post::Request::new()
        .stock_id("example")
        .coupon_code("example")
        .out_trade_no("example")
        .out_request_no("example");
    let response = client.v3().marketing().busifavor().coupons().disassociate().post(request).await?;
    drop(response);
    Ok(())
}
fn style_2_of_1(client: &weipay::blocking::Client) -> Done {
    use weipay::v3::marketing::busifavor::coupons::disassociate::post;
    let request = post::Request::new()
        .stock_id("example")
        .coupon_code("example")
        .out_trade_no("example")
        .out_request_no("example");
    let response = client.v3().marketing().busifavor().coupons().disassociate().post(request)?;
    drop(response);
    Ok(())
}
async fn style_3_of_1(client: &weipay::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "stock_id": "example",
        "coupon_code": "example",
        "out_trade_no": "example",
        "out_request_no": "example",
    });
    let response = client.chain("v3/marketing/busifavor/coupons/disassociate").post(request).await?;
    drop(response);
    Ok(())
}
fn style_4_of_1(client: &weipay::blocking::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "stock_id": "example",
        "coupon_code": "example",
        "out_trade_no": "example",
        "out_request_no": "example",
    });
    let response = client.chain("v3/marketing/busifavor/coupons/disassociate").post(request)?;
    drop(response);
    Ok(())
}
async fn style_5_of_1(client: &weipay::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "stock_id": "example",
        "coupon_code": "example",
        "out_trade_no": "example",
        "out_request_no": "example",
    });
    let response = client["v3/marketing/busifavor/coupons/disassociate"].post(request).await?;
    drop(response);
    Ok(())
}
fn style_6_of_1(client: &weipay::blocking::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "stock_id": "example",
        "coupon_code": "example",
        "out_trade_no": "example",
        "out_request_no": "example",
    });
    let response = client["v3/marketing/busifavor/coupons/disassociate"].post(request)?;
    drop(response);
    Ok(())
}

// POST v3/marketing/busifavor/stocks
async fn style_1_of_2(client: &weipay::Client) -> Done {
    use weipay::v3::marketing::busifavor::stocks::post;
    let request = post::Request::new()
        .stock_name("8月1日活动券")
        .belong_merchant("1900057215")
        .goods_name("xxx商品使用")
        .stock_type("NORMAL")
        .coupon_use_rule(post::CouponUseRule::new()
            .coupon_available_time(post::CouponAvailableTime::new()
                .available_begin_time("2015-05-20T00:00:00+08:00")
                .available_end_time("2015-05-20T23:59:59+08:00"))
            .fixed_normal_coupon(post::FixedNormalCoupon::new()
                .discount_amount(5)
                .transaction_minimum(100))
            .use_method("OFF_LINE"))
        .stock_send_rule(post::StockSendRule::new().max_coupons(100).max_coupons_per_user(5))
        .out_request_no("100002322019090134234sfdf")
        .coupon_code_mode("WECHATPAY_MODE");
    let response = client.v3().marketing().busifavor().stocks().post(request).await?;
    drop(response);
    Ok(())
}
fn style_2_of_2(client: &weipay::blocking::Client) -> Done {
    use weipay::v3::marketing::busifavor::stocks::post;
    let request = post::Request::new()
        .stock_name("8月1日活动券")
        .belong_merchant("1900057215")
        .goods_name("xxx商品使用")
        .stock_type("NORMAL")
        .coupon_use_rule(post::CouponUseRule::new()
            .coupon_available_time(post::CouponAvailableTime::new()
                .available_begin_time("2015-05-20T00:00:00+08:00")
                .available_end_time("2015-05-20T23:59:59+08:00"))
            .fixed_normal_coupon(post::FixedNormalCoupon::new()
                .discount_amount(5)
                .transaction_minimum(100))
            .use_method("OFF_LINE"))
        .stock_send_rule(post::StockSendRule::new().max_coupons(100).max_coupons_per_user(5))
        .out_request_no("100002322019090134234sfdf")
        .coupon_code_mode("WECHATPAY_MODE");
    let response = client.v3().marketing().busifavor().stocks().post(request)?;
    drop(response);
    Ok(())
}
async fn style_3_of_2(client: &weipay::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "stock_name": "8月1日活动券",
        "belong_merchant": "1900057215",
        "goods_name": "xxx商品使用",
        "stock_type": "NORMAL",
        "coupon_use_rule": {
            "coupon_available_time": {
                "available_begin_time": "2015-05-20T00:00:00+08:00",
                "available_end_time": "2015-05-20T23:59:59+08:00",
            },
            "fixed_normal_coupon": {
                "discount_amount": 5,
                "transaction_minimum": 100,
            },
            "use_method": "OFF_LINE",
        },
        "stock_send_rule": {
            "max_coupons": 100,
            "max_coupons_per_user": 5,
        },
        "out_request_no": "100002322019090134234sfdf",
        "coupon_code_mode": "WECHATPAY_MODE",
    });
    let response = client.chain("v3/marketing/busifavor/stocks").post(request).await?;
    drop(response);
    Ok(())
}
fn style_4_of_2(client: &weipay::blocking::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "stock_name": "8月1日活动券",
        "belong_merchant": "1900057215",
        "goods_name": "xxx商品使用",
        "stock_type": "NORMAL",
        "coupon_use_rule": {
            "coupon_available_time": {
                "available_begin_time": "2015-05-20T00:00:00+08:00",
                "available_end_time": "2015-05-20T23:59:59+08:00",
            },
            "fixed_normal_coupon": {
                "discount_amount": 5,
                "transaction_minimum": 100,
            },
            "use_method": "OFF_LINE",
        },
        "stock_send_rule": {
            "max_coupons": 100,
            "max_coupons_per_user": 5,
        },
        "out_request_no": "100002322019090134234sfdf",
        "coupon_code_mode": "WECHATPAY_MODE",
    });
    let response = client.chain("v3/marketing/busifavor/stocks").post(request)?;
    drop(response);
    Ok(())
}
async fn style_5_of_2(client: &weipay::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "stock_name": "8月1日活动券",
        "belong_merchant": "1900057215",
        "goods_name": "xxx商品使用",
        "stock_type": "NORMAL",
        "coupon_use_rule": {
            "coupon_available_time": {
                "available_begin_time": "2015-05-20T00:00:00+08:00",
                "available_end_time": "2015-05-20T23:59:59+08:00",
            },
            "fixed_normal_coupon": {
                "discount_amount": 5,
                "transaction_minimum": 100,
            },
            "use_method": "OFF_LINE",
        },
        "stock_send_rule": {
            "max_coupons": 100,
            "max_coupons_per_user": 5,
        },
        "out_request_no": "100002322019090134234sfdf",
        "coupon_code_mode": "WECHATPAY_MODE",
    });
    let response = client["v3/marketing/busifavor/stocks"].post(request).await?;
    drop(response);
    Ok(())
}
fn style_6_of_2(client: &weipay::blocking::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "stock_name": "8月1日活动券",
        "belong_merchant": "1900057215",
        "goods_name": "xxx商品使用",
        "stock_type": "NORMAL",
        "coupon_use_rule": {
            "coupon_available_time": {
                "available_begin_time": "2015-05-20T00:00:00+08:00",
                "available_end_time": "2015-05-20T23:59:59+08:00",
            },
            "fixed_normal_coupon": {
                "discount_amount": 5,
                "transaction_minimum": 100,
            },
            "use_method": "OFF_LINE",
        },
        "stock_send_rule": {
            "max_coupons": 100,
            "max_coupons_per_user": 5,
        },
        "out_request_no": "100002322019090134234sfdf",
        "coupon_code_mode": "WECHATPAY_MODE",
    });
    let response = client["v3/marketing/busifavor/stocks"].post(request)?;
    drop(response);
    Ok(())
}

// GET v3/marketing/busifavor/stocks/{stock_id}
async fn style_1_of_3(client: &weipay::Client) -> Done {
    let response = client.v3().marketing().busifavor().stocks().stock_id("1212").get().await?;
    drop(response);
    Ok(())
}
fn style_2_of_3(client: &weipay::blocking::Client) -> Done {
    let response = client.v3().marketing().busifavor().stocks().stock_id("1212").get()?;
    drop(response);
    Ok(())
}
async fn style_3_of_3(client: &weipay::Client) -> Done {
    let response =
        client.chain("v3/marketing/busifavor/stocks/{stock_id}").path("stock_id", "1212").get().await?;
    drop(response);
    Ok(())
}
fn style_4_of_3(client: &weipay::blocking::Client) -> Done {
    let response =
        client.chain("v3/marketing/busifavor/stocks/{stock_id}").path("stock_id", "1212").get()?;
    drop(response);
    Ok(())
}
async fn style_5_of_3(client: &weipay::Client) -> Done {
    let response =
        client["v3/marketing/busifavor/stocks/{stock_id}"].path("stock_id", "1212").get().await?;
    drop(response);
    Ok(())
}
fn style_6_of_3(client: &weipay::blocking::Client) -> Done {
    let response = client["v3/marketing/busifavor/stocks/{stock_id}"].path("stock_id", "1212").get()?;
    drop(response);
    Ok(())
}

// PATCH v3/marketing/busifavor/stocks/{stock_id}
async fn style_1_of_4(client: &weipay::Client) -> Done {
    use weipay::v3::marketing::busifavor::stocks::stock_id::patch;
    let request = patch::Request::new().out_request_no("6122352020010133287985742");
    let response =
        client.v3().marketing().busifavor().stocks().stock_id("101156451224").patch(request).await?;
    drop(response);
    Ok(())
}
fn style_2_of_4(client: &weipay::blocking::Client) -> Done {
    use weipay::v3::marketing::busifavor::stocks::stock_id::patch;
    let request = patch::Request::new().out_request_no("6122352020010133287985742");
    let response =
        client.v3().marketing().busifavor().stocks().stock_id("101156451224").patch(request)?;
    drop(response);
    Ok(())
}
async fn style_3_of_4(client: &weipay::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "out_request_no": "6122352020010133287985742",
    });
    let response = client.chain("v3/marketing/busifavor/stocks/{stock_id}")
        .path("stock_id", "101156451224")
        .patch(request)
        .await?;
    drop(response);
    Ok(())
}
fn style_4_of_4(client: &weipay::blocking::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "out_request_no": "6122352020010133287985742",
    });
    let response = client.chain("v3/marketing/busifavor/stocks/{stock_id}")
        .path("stock_id", "101156451224")
        .patch(request)?;
    drop(response);
    Ok(())
}
async fn style_5_of_4(client: &weipay::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "out_request_no": "6122352020010133287985742",
    });
    let response = client["v3/marketing/busifavor/stocks/{stock_id}"]
        .path("stock_id", "101156451224")
        .patch(request)
        .await?;
    drop(response);
    Ok(())
}
fn style_6_of_4(client: &weipay::blocking::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "out_request_no": "6122352020010133287985742",
    });
    let response = client["v3/marketing/busifavor/stocks/{stock_id}"]
        .path("stock_id", "101156451224")
        .patch(request)?;
    drop(response);
    Ok(())
}

// GET v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid}
async fn style_1_of_5(client: &weipay::Client) -> Done {
    let response = client
        .v3()
        .marketing()
        .busifavor()
        .users()
        .openid("oWeiPaySandboxUser-000000001")
        .coupons()
        .coupon_code("example")
        .appids()
        .appid("wx57e15a0db0c5d1e8")
        .get()
        .await?;
    drop(response);
    Ok(())
}
fn style_2_of_5(client: &weipay::blocking::Client) -> Done {
    let response = client
        .v3()
        .marketing()
        .busifavor()
        .users()
        .openid("oWeiPaySandboxUser-000000001")
        .coupons()
        .coupon_code("example")
        .appids()
        .appid("wx57e15a0db0c5d1e8")
        .get()?;
    drop(response);
    Ok(())
}
async fn style_3_of_5(client: &weipay::Client) -> Done {
    let response = client.chain("v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid}")
        .path("openid", "oWeiPaySandboxUser-000000001")
        .path("coupon_code", "example")
        .path("appid", "wx57e15a0db0c5d1e8")
        .get()
        .await?;
    drop(response);
    Ok(())
}
fn style_4_of_5(client: &weipay::blocking::Client) -> Done {
    let response = client.chain("v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid}")
        .path("openid", "oWeiPaySandboxUser-000000001")
        .path("coupon_code", "example")
        .path("appid", "wx57e15a0db0c5d1e8")
        .get()?;
    drop(response);
    Ok(())
}
async fn style_5_of_5(client: &weipay::Client) -> Done {
    let response = client["v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid}"]
        .path("openid", "oWeiPaySandboxUser-000000001")
        .path("coupon_code", "example")
        .path("appid", "wx57e15a0db0c5d1e8")
        .get()
        .await?;
    drop(response);
    Ok(())
}
fn style_6_of_5(client: &weipay::blocking::Client) -> Done {
    let response = client["v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid}"]
        .path("openid", "oWeiPaySandboxUser-000000001")
        .path("coupon_code", "example")
        .path("appid", "wx57e15a0db0c5d1e8")
        .get()?;
    drop(response);
    Ok(())
}

// GET v3/marketing/partnerships
async fn style_1_of_6(client: &weipay::Client) -> Done {
    use weipay::v3::marketing::partnerships::get;
    let request = get::Request::new();
    let response = client.v3().marketing().partnerships().get(request).await?;
    drop(response);
    Ok(())
}
fn style_2_of_6(client: &weipay::blocking::Client) -> Done {
    use weipay::v3::marketing::partnerships::get;
    let request = get::Request::new();
    let response = client.v3().marketing().partnerships().get(request)?;
    drop(response);
    Ok(())
}
async fn style_3_of_6(client: &weipay::Client) -> Done {
    let response = client.chain("v3/marketing/partnerships").get().await?;
    drop(response);
    Ok(())
}
fn style_4_of_6(client: &weipay::blocking::Client) -> Done {
    let response = client.chain("v3/marketing/partnerships").get()?;
    drop(response);
    Ok(())
}
async fn style_5_of_6(client: &weipay::Client) -> Done {
    let response = client["v3/marketing/partnerships"].get().await?;
    drop(response);
    Ok(())
}
fn style_6_of_6(client: &weipay::blocking::Client) -> Done {
    let response = client["v3/marketing/partnerships"].get()?;
    drop(response);
    Ok(())
}

// POST v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores
async fn style_1_of_7(client: &weipay::Client) -> Done {
    use weipay::v3::marketing::goods_subsidy_activity::retail_store_act::brand_id::stores::post;
    let request = post::Request::new()
        .out_request_no("1002600620019090123143254436")
        .add_time("2015-05-20T00:00:00+08:00")
        .stores(vec![post::Stores::new().store_code("abc_001")]);
    let response = client
        .v3()
        .marketing()
        .goods_subsidy_activity()
        .retail_store_act()
        .brand_id("1001")
        .stores()
        .post(request)
        .await?;
    drop(response);
    Ok(())
}
fn style_2_of_7(client: &weipay::blocking::Client) -> Done {
    use weipay::v3::marketing::goods_subsidy_activity::retail_store_act::brand_id::stores::post;
    let request = post::Request::new()
        .out_request_no("1002600620019090123143254436")
        .add_time("2015-05-20T00:00:00+08:00")
        .stores(vec![post::Stores::new().store_code("abc_001")]);
    let response = client
        .v3()
        .marketing()
        .goods_subsidy_activity()
        .retail_store_act()
        .brand_id("1001")
        .stores()
        .post(request)?;
    drop(response);
    Ok(())
}
async fn style_3_of_7(client: &weipay::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "out_request_no": "1002600620019090123143254436",
        "add_time": "2015-05-20T00:00:00+08:00",
        "stores": [{
            "store_code": "abc_001",
        }],
    });
    let response = client.chain("v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores")
        .path("brand_id", "1001")
        .post(request)
        .await?;
    drop(response);
    Ok(())
}
fn style_4_of_7(client: &weipay::blocking::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "out_request_no": "1002600620019090123143254436",
        "add_time": "2015-05-20T00:00:00+08:00",
        "stores": [{
            "store_code": "abc_001",
        }],
    });
    let response = client.chain("v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores")
        .path("brand_id", "1001")
        .post(request)?;
    drop(response);
    Ok(())
}
async fn style_5_of_7(client: &weipay::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "out_request_no": "1002600620019090123143254436",
        "add_time": "2015-05-20T00:00:00+08:00",
        "stores": [{
            "store_code": "abc_001",
        }],
    });
    let response = client["v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores"]
        .path("brand_id", "1001")
        .post(request)
        .await?;
    drop(response);
    Ok(())
}
fn style_6_of_7(client: &weipay::blocking::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "out_request_no": "1002600620019090123143254436",
        "add_time": "2015-05-20T00:00:00+08:00",
        "stores": [{
            "store_code": "abc_001",
        }],
    });
    let response = client["v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores"]
        .path("brand_id", "1001")
        .post(request)?;
    drop(response);
    Ok(())
}

// POST v3/marketing/favor/media/image-upload
async fn style_1_of_8(client: &weipay::Client) -> Done {
    use weipay::v3::marketing::favor::media::image_upload::post;
    let file = weipay::UploadFile::new("image.jpg", std::fs::read("image.jpg")?);
    let request = post::Request::new().file(file);
    let response = client.v3().marketing().favor().media().image_upload().post(request).await?;
    drop(response);
    Ok(())
}
fn style_2_of_8(client: &weipay::blocking::Client) -> Done {
    use weipay::v3::marketing::favor::media::image_upload::post;
    let file = weipay::UploadFile::new("image.jpg", std::fs::read("image.jpg")?);
    let request = post::Request::new().file(file);
    let response = client.v3().marketing().favor().media().image_upload().post(request)?;
    drop(response);
    Ok(())
}
async fn style_3_of_8(client: &weipay::Client) -> Done {
    use serde_json::json;
    let file = weipay::UploadFile::new("image.jpg", std::fs::read("image.jpg")?);
    let meta = json!({
        "sha256": file.sha256(),
        "filename": "image.jpg",
    });
    let response = client.chain("v3/marketing/favor/media/image-upload").upload(meta, &file).await?;
    drop(response);
    Ok(())
}
fn style_4_of_8(client: &weipay::blocking::Client) -> Done {
    use serde_json::json;
    let file = weipay::UploadFile::new("image.jpg", std::fs::read("image.jpg")?);
    let meta = json!({
        "sha256": file.sha256(),
        "filename": "image.jpg",
    });
    let response = client.chain("v3/marketing/favor/media/image-upload").upload(meta, &file)?;
    drop(response);
    Ok(())
}
async fn style_5_of_8(client: &weipay::Client) -> Done {
    use serde_json::json;
    let file = weipay::UploadFile::new("image.jpg", std::fs::read("image.jpg")?);
    let meta = json!({
        "sha256": file.sha256(),
        "filename": "image.jpg",
    });
    let response = client["v3/marketing/favor/media/image-upload"].upload(meta, &file).await?;
    drop(response);
    Ok(())
}
fn style_6_of_8(client: &weipay::blocking::Client) -> Done {
    use serde_json::json;
    let file = weipay::UploadFile::new("image.jpg", std::fs::read("image.jpg")?);
    let meta = json!({
        "sha256": file.sha256(),
        "filename": "image.jpg",
    });
    let response = client["v3/marketing/favor/media/image-upload"].upload(meta, &file)?;
    drop(response);
    Ok(())
}

// POST v3/marketing/membercard-open/phonenumber-member/import
async fn style_1_of_9(client: &weipay::Client) -> Done {
    use weipay::v3::marketing::membercard_open::phonenumber_member::import::post;
    let request = post::Request::new()
        .member_information(post::MemberInformation::new()
            .card_id("pbLatjvWOibDc5-TBnbUk1pD12o0")
            .registration_time("2015-05-20T00:00:00+08:00"))
        .encrypted_phone_number("13800138000");
    let response =
        client.v3().marketing().membercard_open().phonenumber_member().import().post(request).await?;
    drop(response);
    Ok(())
}
fn style_2_of_9(client: &weipay::blocking::Client) -> Done {
    use weipay::v3::marketing::membercard_open::phonenumber_member::import::post;
    let request = post::Request::new()
        .member_information(post::MemberInformation::new()
            .card_id("pbLatjvWOibDc5-TBnbUk1pD12o0")
            .registration_time("2015-05-20T00:00:00+08:00"))
        .encrypted_phone_number("13800138000");
    let response =
        client.v3().marketing().membercard_open().phonenumber_member().import().post(request)?;
    drop(response);
    Ok(())
}
async fn style_3_of_9(client: &weipay::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "member_information": {
            "card_id": "pbLatjvWOibDc5-TBnbUk1pD12o0",
            "registration_time": "2015-05-20T00:00:00+08:00",
        },
        "encrypted_phone_number": "13800138000",
    });
    let response =
        client.chain("v3/marketing/membercard-open/phonenumber-member/import").post(request).await?;
    drop(response);
    Ok(())
}
fn style_4_of_9(client: &weipay::blocking::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "member_information": {
            "card_id": "pbLatjvWOibDc5-TBnbUk1pD12o0",
            "registration_time": "2015-05-20T00:00:00+08:00",
        },
        "encrypted_phone_number": "13800138000",
    });
    let response =
        client.chain("v3/marketing/membercard-open/phonenumber-member/import").post(request)?;
    drop(response);
    Ok(())
}
async fn style_5_of_9(client: &weipay::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "member_information": {
            "card_id": "pbLatjvWOibDc5-TBnbUk1pD12o0",
            "registration_time": "2015-05-20T00:00:00+08:00",
        },
        "encrypted_phone_number": "13800138000",
    });
    let response =
        client["v3/marketing/membercard-open/phonenumber-member/import"].post(request).await?;
    drop(response);
    Ok(())
}
fn style_6_of_9(client: &weipay::blocking::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "member_information": {
            "card_id": "pbLatjvWOibDc5-TBnbUk1pD12o0",
            "registration_time": "2015-05-20T00:00:00+08:00",
        },
        "encrypted_phone_number": "13800138000",
    });
    let response = client["v3/marketing/membercard-open/phonenumber-member/import"].post(request)?;
    drop(response);
    Ok(())
}

// DELETE v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores
async fn style_1_of_10(client: &weipay::Client) -> Done {
    use weipay::v3::marketing::goods_subsidy_activity::retail_store_act::brand_id::stores::delete;
    let request = delete::Request::new()
        .out_request_no("1002600620019090123143254436")
        .delete_time("2015-05-20T00:00:00+08:00")
        .stores(vec![delete::Stores::new().store_code("abc_001")]);
    let response = client
        .v3()
        .marketing()
        .goods_subsidy_activity()
        .retail_store_act()
        .brand_id("1001")
        .stores()
        .delete(request)
        .await?;
    drop(response);
    Ok(())
}
fn style_2_of_10(client: &weipay::blocking::Client) -> Done {
    use weipay::v3::marketing::goods_subsidy_activity::retail_store_act::brand_id::stores::delete;
    let request = delete::Request::new()
        .out_request_no("1002600620019090123143254436")
        .delete_time("2015-05-20T00:00:00+08:00")
        .stores(vec![delete::Stores::new().store_code("abc_001")]);
    let response = client
        .v3()
        .marketing()
        .goods_subsidy_activity()
        .retail_store_act()
        .brand_id("1001")
        .stores()
        .delete(request)?;
    drop(response);
    Ok(())
}
async fn style_3_of_10(client: &weipay::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "out_request_no": "1002600620019090123143254436",
        "delete_time": "2015-05-20T00:00:00+08:00",
        "stores": [{
            "store_code": "abc_001",
        }],
    });
    let response = client.chain("v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores")
        .path("brand_id", "1001")
        .request(http::Method::DELETE, request)
        .await?;
    drop(response);
    Ok(())
}
fn style_4_of_10(client: &weipay::blocking::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "out_request_no": "1002600620019090123143254436",
        "delete_time": "2015-05-20T00:00:00+08:00",
        "stores": [{
            "store_code": "abc_001",
        }],
    });
    let response = client.chain("v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores")
        .path("brand_id", "1001")
        .request(http::Method::DELETE, request)?;
    drop(response);
    Ok(())
}
async fn style_5_of_10(client: &weipay::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "out_request_no": "1002600620019090123143254436",
        "delete_time": "2015-05-20T00:00:00+08:00",
        "stores": [{
            "store_code": "abc_001",
        }],
    });
    let response = client["v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores"]
        .path("brand_id", "1001")
        .request(http::Method::DELETE, request)
        .await?;
    drop(response);
    Ok(())
}
fn style_6_of_10(client: &weipay::blocking::Client) -> Done {
    use serde_json::json;
    let request = json!({
        "out_request_no": "1002600620019090123143254436",
        "delete_time": "2015-05-20T00:00:00+08:00",
        "stores": [{
            "store_code": "abc_001",
        }],
    });
    let response = client["v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores"]
        .path("brand_id", "1001")
        .request(http::Method::DELETE, request)?;
    drop(response);
    Ok(())
}
