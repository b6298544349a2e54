// WxJava's weixin-java-pay, unmodified, against `weipay sandbox`, with its own hosts: its proxy settings name the sandbox, whose
// authority Java trusts by the trust store of the environment, or the hosts are this machine. It verifies every successful response
// itself.
import static java.time.format.DateTimeFormatter.ISO_OFFSET_DATE_TIME;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.binarywang.wxpay.bean.marketing.*;
import com.github.binarywang.wxpay.bean.notify.SignatureHeader;
import com.github.binarywang.wxpay.bean.profitsharing.request.ProfitSharingReceiverV3Request;
import com.github.binarywang.wxpay.bean.profitsharing.request.ProfitSharingV3Request;
import com.github.binarywang.wxpay.bean.request.WxPayApplyTradeBillV3Request;
import com.github.binarywang.wxpay.bean.request.WxPayRefundRequest;
import com.github.binarywang.wxpay.bean.request.WxPayRefundV3Request;
import com.github.binarywang.wxpay.bean.request.WxPayUnifiedOrderRequest;
import com.github.binarywang.wxpay.bean.request.WxPayUnifiedOrderV3Request;
import com.github.binarywang.wxpay.bean.result.WxPayApplyBillV3Result;
import com.github.binarywang.wxpay.bean.result.WxPayUnifiedOrderV3Result;
import com.github.binarywang.wxpay.bean.result.enums.TradeTypeEnum;
import com.github.binarywang.wxpay.bean.transfer.TransferBillsRequest;
import com.github.binarywang.wxpay.config.WxPayConfig;
import com.github.binarywang.wxpay.exception.WxPayException;
import com.github.binarywang.wxpay.service.WxPayService;
import com.github.binarywang.wxpay.service.impl.WxPayServiceImpl;
import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.GZIPInputStream;
import org.apache.http.HttpResponseInterceptor;
import org.apache.http.entity.StringEntity;
import org.apache.http.util.EntityUtils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClientTest {
  static final String HOST = "https://api.mch.weixin.qq.com";

  /** What a merchant knows, and where its files are. */
  record Kit(Path path, Map<String, String> members) {
    /** The kit of the merchant of a kind: its environment variable names it. */
    @SuppressWarnings("unchecked")
    static Kit of(String kind) {
      String name = "KIT_" + kind.toUpperCase().replace('-', '_');
      Path path = Path.of(Objects.requireNonNull(System.getenv(name), name + " is not set: run foreign/run"));
      try {
        return new Kit(path, new Gson().fromJson(Files.readString(path), Map.class));
      } catch (java.io.IOException error) {
        throw new java.io.UncheckedIOException(error);
      }
    }

    String get(String member) {
      return members.get(member);
    }

    String file(String member) {
      return path.resolveSibling(get(member)).toString();
    }

    /** The merchant's certificate with its key as the platform gives it for APIv2: apiclient_cert.p12, whose password is the number. */
    byte[] p12() throws Exception {
      return Files.readAllBytes(path.resolveSibling("keys/apiclient_cert.p12"));
    }

    /** Of the platform's keys it holds the certificate, which it downloads, the public key, or both. */
    WxPayConfig config(String keys) {
      WxPayConfig config = new WxPayConfig();
      if (System.getenv("WAY").equals("proxy")) {
        URI proxy = URI.create(System.getenv("HTTPS_PROXY"));
        config.setHttpProxyHost(proxy.getHost());
        config.setHttpProxyPort(proxy.getPort());
      }
      config.setAppId(get("appid"));
      config.setMchId(get("mchid"));
      config.setMchKey(get("api_v2_key"));
      config.setApiV3Key(get("api_v3_key"));
      config.setPrivateKeyPath(file("merchant_key"));
      config.setPrivateCertPath(file("merchant_cert"));
      config.setNotifyUrl("https://example.com/notify");
      if (!keys.equals("certificate")) {
        config.setPublicKeyId(get("public_key_id"));
        config.setPublicKeyPath(file("public_key"));
      }
      config.setFullPublicKeyModel(keys.equals("public key"));
      return config;
    }
  }

  static void did(String kind, String keys, String step) {
    System.out.println("did: " + kind + " | " + keys + " | " + step);
  }

  static WxPayService service(WxPayConfig config) {
    WxPayService service = new WxPayServiceImpl();
    service.setConfig(config);
    return service;
  }

  static WxPayUnifiedOrderV3Request order(String number) {
    return new WxPayUnifiedOrderV3Request()
        .setDescription("测试").setOutTradeNo(number)
        .setAmount(new WxPayUnifiedOrderV3Request.Amount().setTotal(1).setCurrency("CNY"));
  }

  @ParameterizedTest
  @CsvSource({"public-key,public key", "certificate,certificate", "migration,public key", "migration,certificate",
      "migration,both"})
  void ordersArePlaced(String kind, String keys) throws WxPayException {
    Kit kit = Kit.of(kind);
    WxPayService service = service(kit.config(keys));
    String number = "wxjava-" + keys.replace(' ', '-') + "-";

    WxPayUnifiedOrderV3Result.JsapiResult jsapi = service.createOrderV3(TradeTypeEnum.JSAPI,
        order(number + "jsapi").setPayer(new WxPayUnifiedOrderV3Request.Payer().setOpenid(kit.get("openid"))));
    assertTrue(jsapi.getPackageValue().matches("prepay_id=.+"), jsapi.getPackageValue());
    String code = service.createOrderV3(TradeTypeEnum.NATIVE, order(number + "native"));
    assertTrue(code.startsWith("weixin:"), code);
    WxPayUnifiedOrderV3Result.AppResult app = service.createOrderV3(TradeTypeEnum.APP, order(number + "app"));
    assertFilled(app.getPrepayId());
    var scene = new WxPayUnifiedOrderV3Request.SceneInfo().setPayerClientIp("127.0.0.1")
        .setH5Info(new WxPayUnifiedOrderV3Request.H5Info().setType("Wap"));
    String page = service.createOrderV3(TradeTypeEnum.H5, order(number + "h5").setSceneInfo(scene));
    assertFilled(page);

    assertEquals(number + "native", service.queryOrderV3(null, number + "native").getOutTradeNo());
    service.closeOrderV3(number + "native");
    did(kind, keys, "orders");
  }

  static final Receiver RECEIVER = new Receiver();

  /** Parses notifications with the client's own functions, which refuse those that were changed. */
  interface Parse<T> {
    T parse(String body, SignatureHeader signature) throws WxPayException;
  }

  static <T> T notified(Parse<T> parse) throws Exception {
    Receiver.Notification came = RECEIVER.next();
    SignatureHeader signature = SignatureHeader.builder().timeStamp(came.header("Wechatpay-Timestamp"))
        .nonce(came.header("Wechatpay-Nonce")).signature(came.header("Wechatpay-Signature"))
        .serial(came.header("Wechatpay-Serial")).build();
    assertThrows(WxPayException.class, () -> parse.parse(came.body() + " ", signature));
    return parse.parse(came.body(), signature);
  }

  @ParameterizedTest
  @CsvSource({"public-key,public key", "certificate,certificate", "migration,public key", "migration,certificate",
      "migration,both"})
  void anOrderIsPaidAndAPartIsGivenBack(String kind, String keys) throws Exception {
    Kit kit = Kit.of(kind);
    WxPayService service = service(kit.config(keys));
    String number = "wxjava-" + keys.replace(' ', '-') + "-";
    WxPayUnifiedOrderV3Request order = order(number + "payment").setNotifyUrl(RECEIVER.url())
        .setAmount(new WxPayUnifiedOrderV3Request.Amount().setTotal(100).setCurrency("CNY"))
        .setPayer(new WxPayUnifiedOrderV3Request.Payer().setOpenid(kit.get("openid")));
    WxPayUnifiedOrderV3Result.JsapiResult signed = service.createOrderV3(TradeTypeEnum.JSAPI, order);
    WxPayRefundV3Request part = new WxPayRefundV3Request().setOutTradeNo(number + "payment").setOutRefundNo(number + "refund")
        .setNotifyUrl(RECEIVER.url())
        .setAmount(new WxPayRefundV3Request.Amount().setRefund(30).setTotal(100).setCurrency("CNY"));
    assertThrows(WxPayException.class, () -> service.refundV3(part));
    Weipay.sandbox("pay", "--front-end", new Gson().toJson(Map.of("appId", signed.getAppId(), "timeStamp", signed.getTimeStamp(),
        "nonceStr", signed.getNonceStr(), "package", signed.getPackageValue(), "signType", signed.getSignType(),
        "paySign", signed.getPaySign())));
    var paid = notified(service::parseOrderNotifyV3Result).getResult();
    assertEquals(number + "payment", paid.getOutTradeNo());
    assertEquals(100, paid.getAmount().getTotal());
    var found = service.queryOrderV3(null, number + "payment");
    assertEquals("SUCCESS", found.getTradeState());
    assertEquals(paid.getTransactionId(), found.getTransactionId());

    String refund = service.refundV3(part).getRefundId();
    Weipay.sandbox("refund", refund, "--to", "success");
    var refunded = notified(service::parseRefundNotifyV3Result).getResult();
    assertEquals(refund, refunded.getRefundId());
    assertEquals(30, refunded.getAmount().getRefund());
    assertEquals("SUCCESS", service.refundQueryV3(number + "refund").getStatus());
    assertEquals("ORDER_NOT_EXIST",
        assertThrows(WxPayException.class, () -> service.queryOrderV3(null, number + "unknown")).getErrCode());
    for (String step : List.of("payment", "payment notification", "refund", "refund notification", "unknown order")) {
      did(kind, keys, step);
    }
  }

  @ParameterizedTest
  @CsvSource({"public-key,public key", "certificate,certificate", "migration,public key", "migration,certificate",
      "migration,both"})
  void theBillOfADayIsDownloaded(String kind, String keys) throws Exception {
    WxPayService service = service(Kit.of(kind).config(keys));
    var asked = request(WxPayApplyTradeBillV3Request.class, Map.of("bill_date", System.getenv("BILL_DATE"), "tar_type", "GZIP"));
    WxPayApplyBillV3Result bill = service.applyTradeBill(asked);
    try (var content = new GZIPInputStream(service.downloadBill(bill.getDownloadUrl()))) {
      byte[] hash = MessageDigest.getInstance("SHA-1").digest(content.readAllBytes());
      assertEquals(bill.getHashValue(), HexFormat.of().formatHex(hash));
    }
    did(kind, keys, "bill");
  }

  @ParameterizedTest
  @CsvSource({"public-key,public key", "certificate,certificate", "migration,public key", "migration,certificate",
      "migration,both"})
  void othersGetAPartOfAPaymentAndATransfer(String kind, String keys) throws Exception {
    Kit kit = Kit.of(kind);
    WxPayService service = service(kit.config(keys));
    String person = kit.get("openid");
    String name = keys.replace(' ', '-');
    String past = service.queryOrderV3(null, "past-" + name).getTransactionId();
    var shares = service.getProfitSharingService();
    shares.addReceiverV3(request(ProfitSharingReceiverV3Request.class, Map.of("appid", kit.get("appid"),
        "type", "PERSONAL_OPENID", "account", person, "relation_type", "USER")));
    String share = "wxjava-" + name + "-share";
    shares.profitSharingV3(request(ProfitSharingV3Request.class, Map.of("appid", kit.get("appid"), "transaction_id", past,
        "out_order_no", share, "unfreeze_unsplit", true, "receivers", List.of(Map.of(
            "type", "PERSONAL_OPENID", "account", person, "amount", 10, "description", "分给一人")))));

    var transfers = service.getTransferService();
    String number = ("wxjava" + name + "transfer").replace("-", "");
    var transfer = transfers.transferBills(request(TransferBillsRequest.class, Map.of("appid", kit.get("appid"), "openid", person,
        "out_bill_no", number, "transfer_scene_id", "1000", "transfer_amount", 100, "transfer_remark", "测试",
        "notify_url", RECEIVER.url(), "transfer_scene_report_infos", List.of(
            Map.of("info_type", "活动名称", "info_content", "新会员有礼"), Map.of("info_type", "奖励说明", "info_content", "注册会员抽奖")))));
    assertEquals("WAIT_USER_CONFIRM", transfer.getState());
    Weipay.sandbox("transfer", "confirm", transfer.getTransferBillNo());
    Weipay.sandbox("clock", "advance", "5s");
    var done = notified(transfers::parseTransferBillsNotifyResult).getResult();
    assertEquals(number, done.getOutBillNo());
    assertEquals("SUCCESS", done.getState());
    assertEquals("SUCCESS", transfers.getBillsByOutBillNo(number).getState());
    var shared = shares.profitSharingQueryV3(share, past);
    assertEquals("FINISHED", shared.getState());
    assertEquals("SUCCESS", shared.getReceivers().get(0).getResult());
    for (String step : List.of("profit sharing", "transfer", "transfer notification")) {
      did(kind, keys, step);
    }
  }

  @ParameterizedTest
  @CsvSource({"public-key,public key", "certificate,certificate", "migration,public key", "migration,certificate",
      "migration,both"})
  void anOrderOfAPIv2IsPaidGivenBackAndSeenByAPIv3(String kind, String keys) throws Exception {
    Kit kit = Kit.of(kind);
    WxPayConfig config = kit.config(keys);
    config.setKeyContent(kit.p12());
    WxPayService service = service(config);
    String number = "wxjava-" + keys.replace(' ', '-') + "-v2";
    var order = WxPayUnifiedOrderRequest.newBuilder().body("测试").outTradeNo(number)
        .totalFee(100).spbillCreateIp("127.0.0.1").notifyUrl(RECEIVER.url()).tradeType("NATIVE").productId("1").build();
    String code = service.unifiedOrder(order).getCodeURL();
    assertTrue(code.startsWith("weixin:"), code);
    assertEquals("NOTPAY", service.queryOrder(null, number).getTradeState());
    Weipay.sandbox("pay", number, "--mchid", kit.get("mchid"));
    String came = RECEIVER.next().body();
    assertThrows(WxPayException.class, () -> service.parseOrderNotifyResult(came.replace("</xml>", "<attach>forged</attach></xml>")));
    var paid = service.parseOrderNotifyResult(came);
    assertEquals(number, paid.getOutTradeNo());
    assertEquals(100, paid.getTotalFee());
    assertEquals("SUCCESS", service.queryOrder(null, number).getTradeState());
    assertEquals(paid.getTransactionId(), service.queryOrderV3(null, number).getTransactionId());

    var part = WxPayRefundRequest.newBuilder().outTradeNo(number).outRefundNo(number + "-refund").totalFee(100).refundFee(30)
        .notifyUrl(RECEIVER.url()).build();
    String refund = service.refund(part).getRefundId();
    Weipay.sandbox("refund", refund, "--to", "success");
    var refunded = service.parseRefundNotifyResult(RECEIVER.next().body()).getReqInfo();
    assertEquals(refund, refunded.getRefundId());
    assertEquals(30, refunded.getRefundFee());
    var refunds = service.refundQuery(null, null, number + "-refund", null).getRefundRecords();
    assertEquals("SUCCESS", refunds.get(0).getRefundStatus());

    order.setOutTradeNo(number + "-closed");
    // It signs an object in place.
    order.setSign(null);
    service.unifiedOrder(order);
    assertEquals("SUCCESS", service.closeOrder(number + "-closed").getResultCode());
    for (String step : List.of("order", "payment notification", "refund", "refund notification", "close")) {
      did(kind, keys, "APIv2 " + step);
    }
  }

  @ParameterizedTest
  @CsvSource({"public-key,public key", "certificate,certificate", "migration,public key", "migration,certificate",
      "migration,both"})
  void theBillOfADayIsDownloadedByAPIv2(String kind, String keys) throws Exception {
    WxPayService service = service(Kit.of(kind).config(keys));
    var bill = service.downloadBill(System.getenv("BILL_DATE").replace("-", ""), "ALL", null, null);
    String past = "past-" + keys.replace(' ', '-');
    assertTrue(bill.getBillInfoList().stream().anyMatch(row -> past.equals(row.getOutTradeNo())), bill.toString());
    assertEquals("4", bill.getTotalRecord());
    did(kind, keys, "APIv2 bill");
  }

  static void assertFilled(String value) {
    assertFalse(value == null || value.isEmpty(), "the answer is empty");
  }

  /** A request of the client, from the members that its model writes. */
  @SafeVarargs
  static <T> T request(Class<T> type, Map<String, ?>... members) {
    Map<String, Object> all = new HashMap<>();
    for (Map<String, ?> some : members) {
      all.putAll(some);
    }
    Gson gson = new Gson();
    return gson.fromJson(gson.toJson(all), type);
  }

  @ParameterizedTest
  @CsvSource({"public-key,public key", "certificate,certificate", "migration,public key", "migration,certificate",
      "migration,both"})
  void aCouponIsCreatedSentAssociatedDisassociatedAndUsed(String kind, String keys) throws WxPayException {
    Kit kit = Kit.of(kind);
    WxPayService service = service(kit.config(keys));
    var coupons = service.getMarketingBusiFavorService();
    String number = "wxjava-" + keys.replace(' ', '-') + "-";
    // `toString` would leave seconds of zero out.
    var now = OffsetDateTime.now(ZoneOffset.ofHours(8)).truncatedTo(ChronoUnit.SECONDS);
    String stock = coupons.createBusiFavorStocksV3(request(BusiFavorStocksCreateRequest.class, Map.of(
        "stock_name", "满十元减五元", "belong_merchant", kit.get("mchid"), "goods_name", "全场通用", "stock_type", "NORMAL",
        "coupon_use_rule", Map.of(
            "coupon_available_time", Map.of(
                "available_begin_time", now.minusDays(1).format(ISO_OFFSET_DATE_TIME), "available_end_time", now.plusDays(30).format(ISO_OFFSET_DATE_TIME)),
            "fixed_normal_coupon", Map.of("discount_amount", 500, "transaction_minimum", 1000),
            "use_method", "OFF_LINE"),
        "stock_send_rule", Map.of("max_coupons", 100, "max_coupons_per_user", 10),
        "coupon_code_mode", "WECHATPAY_MODE", "out_request_no", number + "stock"))).getStockId();

    // It has no function that sends a coupon, and its model of a coupon lacks the order: postV3 and getV3 do any call.
    String base = HOST + "/v3/marketing/busifavor/";
    String sent = service.postV3(base + "coupons/send", new Gson().toJson(Map.of("stock_id", stock, "appid", kit.get("appid"),
        "openid", kit.get("openid"), "out_request_no", number + "send")));
    String code = json(sent).getAsJsonObject("send_coupon_result").get("coupon_code").getAsString();
    String coupon = base + "users/" + kit.get("openid") + "/coupons/" + code + "/appids/" + kit.get("appid");
    Map<String, String> tie = Map.of("stock_id", stock, "coupon_code", code, "out_trade_no", number + "order");

    assertFilled(coupons.queryBusiFavorCouponsAssociate(request(BusiFavorCouponsAssociateRequest.class, tie,
        Map.of("out_request_no", number + "associate"))).getWechatpayAssociateTime());
    assertEquals(number + "order", json(service.getV3(coupon)).get("associate_out_trade_no").getAsString());

    assertFilled(coupons.queryBusiFavorCouponsDisAssociate(request(BusiFavorCouponsAssociateRequest.class, tie,
        Map.of("out_request_no", number + "disassociate"))).getWechatpayDisassociateTime());
    JsonElement order = json(service.getV3(coupon)).get("associate_out_trade_no");
    assertTrue(order == null, () -> "still associated: " + order);

    var query = request(BusiFavorQueryOneUserCouponsRequest.class,
        Map.of("coupon_code", code, "openid", kit.get("openid"), "appid", kit.get("appid")));
    assertEquals("SENDED", coupons.queryOneBusiFavorUsersCoupons(query).getCouponState());
    var use = request(BusiFavorCouponsUseRequest.class, Map.of("stock_id", stock, "coupon_code", code,
        "openid", kit.get("openid"), "use_time", now.format(ISO_OFFSET_DATE_TIME), "use_request_no", number + "use"));
    use.setAppId(kit.get("appid"));
    assertEquals(kit.get("openid"), coupons.verifyBusiFavorCouponsUseV3(use).getOpenid());
    assertEquals("USED", coupons.queryOneBusiFavorUsersCoupons(query).getCouponState());

    WxPayException unknown = assertThrows(WxPayException.class, () -> coupons.queryBusiFavorCouponsDisAssociate(request(
        BusiFavorCouponsAssociateRequest.class, tie, Map.of("coupon_code", "1", "out_request_no", number + "unknown"))));
    assertEquals("INVALID_REQUEST", unknown.getErrCode());
    did(kind, keys, "coupon story");
    did(kind, keys, "unknown coupon");
  }

  static JsonObject json(String text) {
    return new Gson().fromJson(text, JsonObject.class);
  }

  @Test
  void aResponseThatWasChangedOnTheWayIsRefused() {
    WxPayConfig config = Kit.of("migration").config("both");
    HttpResponseInterceptor change = (answer, context) -> {
      if (answer.getEntity() != null) {
        String text = EntityUtils.toString(answer.getEntity(), StandardCharsets.UTF_8).replace("weixin:", "weixin!");
        StringEntity changed = new StringEntity(text, StandardCharsets.UTF_8);
        changed.setContentType(answer.getFirstHeader("Content-Type"));
        answer.setEntity(changed);
      }
    };
    config.setApiV3HttpClientBuilderCustomizer(builder -> builder.addInterceptorLast(change));
    Throwable refused = assertThrows(WxPayException.class,
        () -> service(config).createOrderV3(TradeTypeEnum.NATIVE, order("wxjava-changed")));
    while (refused.getCause() != null) {
      refused = refused.getCause();
    }
    assertEquals("应答的微信支付签名验证失败", refused.getMessage());
    did("migration", "both", "changed response refused");
  }
}
