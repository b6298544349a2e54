// The official Java SDK, unmodified, with its typed services, against `weipay sandbox`. Its host is an enumeration of the
// platform's own: it comes by the proxy and the trust store that the environment gives to Java, or the hosts are this machine. It
// verifies every successful response, with the key that its README configures.
import static java.time.format.DateTimeFormatter.ISO_OFFSET_DATE_TIME;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import com.wechat.pay.java.core.Config;
import com.wechat.pay.java.core.RSAAutoCertificateConfig;
import com.wechat.pay.java.core.RSAPublicKeyConfig;
import com.wechat.pay.java.core.exception.ServiceException;
import com.wechat.pay.java.core.exception.ValidationException;
import com.wechat.pay.java.core.http.DefaultHttpClientBuilder;
import com.wechat.pay.java.core.http.HttpClient;
import com.wechat.pay.java.core.notification.NotificationConfig;
import com.wechat.pay.java.core.notification.NotificationParser;
import com.wechat.pay.java.core.notification.RequestParam;
import com.wechat.pay.java.service.billdownload.BillDownloadServiceExtension;
import com.wechat.pay.java.service.billdownload.model.GetTradeBillRequest;
import com.wechat.pay.java.service.merchantexclusivecoupon.MerchantExclusiveCouponService;
import com.wechat.pay.java.service.merchantexclusivecoupon.model.*;
import com.wechat.pay.java.service.payments.app.AppService;
import com.wechat.pay.java.service.payments.h5.H5Service;
import com.wechat.pay.java.service.payments.jsapi.JsapiServiceExtension;
import com.wechat.pay.java.service.payments.nativepay.NativePayService;
import com.wechat.pay.java.service.payments.nativepay.model.CloseOrderRequest;
import com.wechat.pay.java.service.payments.nativepay.model.QueryOrderByOutTradeNoRequest;
import com.wechat.pay.java.service.payments.model.Transaction;
import com.wechat.pay.java.service.profitsharing.ProfitsharingService;
import com.wechat.pay.java.service.profitsharing.model.AddReceiverRequest;
import com.wechat.pay.java.service.profitsharing.model.CreateOrderRequest;
import com.wechat.pay.java.service.profitsharing.model.DetailStatus;
import com.wechat.pay.java.service.profitsharing.model.OrderStatus;
import com.wechat.pay.java.service.profitsharing.model.OrdersEntity;
import com.wechat.pay.java.service.profitsharing.model.QueryOrderRequest;
import com.wechat.pay.java.service.refund.RefundService;
import com.wechat.pay.java.service.refund.model.CreateRequest;
import com.wechat.pay.java.service.refund.model.QueryByOutRefundNoRequest;
import com.wechat.pay.java.service.refund.model.Refund;
import com.wechat.pay.java.service.refund.model.RefundNotification;
import com.wechat.pay.java.service.refund.model.Status;
import com.wechat.pay.java.service.transferbatch.TransferBatchService;
import com.wechat.pay.java.service.transferbatch.model.GetTransferBatchByOutNoRequest;
import com.wechat.pay.java.service.transferbatch.model.InitiateBatchTransferRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import okhttp3.OkHttpClient;
import okhttp3.ResponseBody;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClientTest {
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

    Config config(String keys) {
      return keys.equals("public key")
          ? new RSAPublicKeyConfig.Builder()
              .merchantId(get("mchid"))
              .privateKeyFromPath(file("merchant_key"))
              .publicKeyFromPath(file("public_key"))
              .publicKeyId(get("public_key_id"))
              .merchantSerialNumber(get("merchant_serial"))
              .apiV3Key(get("api_v3_key"))
              .build()
          : new RSAAutoCertificateConfig.Builder()
              .merchantId(get("mchid"))
              .privateKeyFromPath(file("merchant_key"))
              .merchantSerialNumber(get("merchant_serial"))
              .apiV3Key(get("api_v3_key"))
              .build();
    }
  }

  static void did(String kind, String keys, String step) {
    System.out.println("did: " + kind + " | " + keys + " | " + step);
  }

  /** A request of the SDK, from the members that its model writes. */
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
  @CsvSource({"public-key,public key", "certificate,certificate", "migration,public key", "migration,certificate"})
  void ordersArePlaced(String kind, String keys) {
    Kit kit = Kit.of(kind);
    Config config = kit.config(keys);
    Map<String, ?> order = Map.of("appid", kit.get("appid"), "mchid", kit.get("mchid"), "description", "测试",
        "notify_url", "https://example.com/notify", "amount", Map.of("total", 1));
    String number = "java-" + keys.replace(' ', '-') + "-";

    var jsapi = new JsapiServiceExtension.Builder().config(config).build();
    assertFilled(jsapi.prepayWithRequestPayment(request(com.wechat.pay.java.service.payments.jsapi.model.PrepayRequest.class,
        order, Map.of("out_trade_no", number + "jsapi", "payer", Map.of("openid", kit.get("openid"))))).getPackageVal());
    var scan = new NativePayService.Builder().config(config).build();
    assertFilled(scan.prepay(request(com.wechat.pay.java.service.payments.nativepay.model.PrepayRequest.class,
        order, Map.of("out_trade_no", number + "native"))).getCodeUrl());
    var app = new AppService.Builder().config(config).build();
    assertFilled(app.prepay(request(com.wechat.pay.java.service.payments.app.model.PrepayRequest.class,
        order, Map.of("out_trade_no", number + "app"))).getPrepayId());
    var h5 = new H5Service.Builder().config(config).build();
    assertFilled(h5.prepay(request(com.wechat.pay.java.service.payments.h5.model.PrepayRequest.class,
        order, Map.of("out_trade_no", number + "h5",
            "scene_info", Map.of("payer_client_ip", "127.0.0.1", "h5_info", Map.of("type", "Wap"))))).getH5Url());

    var query = new QueryOrderByOutTradeNoRequest();
    query.setMchid(kit.get("mchid"));
    query.setOutTradeNo(number + "native");
    assertEquals(number + "native", scan.queryOrderByOutTradeNo(query).getOutTradeNo());
    var close = new CloseOrderRequest();
    close.setMchid(kit.get("mchid"));
    close.setOutTradeNo(number + "native");
    scan.closeOrder(close);
    did(kind, keys, "orders");
  }

  static final Receiver RECEIVER = new Receiver();

  /** Parses the next notification with the SDK's own parser, which refuses it when it was changed. */
  static <T> T notified(Config config, String event, Class<T> type) throws Exception {
    Receiver.Notification came = RECEIVER.next();
    NotificationParser parser = new NotificationParser((NotificationConfig) config);
    Function<String, RequestParam> param = body -> new RequestParam.Builder()
        .serialNumber(came.header("Wechatpay-Serial")).nonce(came.header("Wechatpay-Nonce"))
        .signature(came.header("Wechatpay-Signature")).timestamp(came.header("Wechatpay-Timestamp"))
        .signType(came.header("Wechatpay-Signature-Type")).body(body).build();
    assertEquals(event, new Gson().fromJson(came.body(), Map.class).get("event_type"));
    assertThrows(ValidationException.class, () -> parser.parse(param.apply(came.body() + " "), type));
    return parser.parse(param.apply(came.body()), type);
  }

  @ParameterizedTest
  @CsvSource({"public-key,public key", "certificate,certificate", "migration,public key", "migration,certificate"})
  void anOrderIsPaidAndAPartIsGivenBack(String kind, String keys) throws Exception {
    Kit kit = Kit.of(kind);
    Config config = kit.config(keys);
    String number = "java-" + keys.replace(' ', '-') + "-";
    var orders = new JsapiServiceExtension.Builder().config(config).build();
    var refunds = new RefundService.Builder().config(config).build();
    var signed = orders.prepayWithRequestPayment(request(com.wechat.pay.java.service.payments.jsapi.model.PrepayRequest.class, Map.of(
        "appid", kit.get("appid"), "mchid", kit.get("mchid"), "description", "测试", "out_trade_no", number + "payment",
        "notify_url", RECEIVER.url(), "amount", Map.of("total", 100), "payer", Map.of("openid", kit.get("openid")))));
    var part = request(CreateRequest.class, Map.of("out_trade_no", number + "payment", "out_refund_no", number + "refund",
        "notify_url", RECEIVER.url(), "amount", Map.of("refund", 30, "total", 100, "currency", "CNY")));
    assertEquals(4, assertThrows(ServiceException.class, () -> refunds.create(part)).getHttpStatusCode() / 100);
    Weipay.sandbox("pay", "--front-end", new Gson().toJson(signed));
    Transaction paid = notified(config, "TRANSACTION.SUCCESS", Transaction.class);
    assertEquals(number + "payment", paid.getOutTradeNo());
    assertEquals(100, paid.getAmount().getTotal());
    var query = new com.wechat.pay.java.service.payments.jsapi.model.QueryOrderByOutTradeNoRequest();
    query.setMchid(kit.get("mchid"));
    query.setOutTradeNo(number + "payment");
    Transaction found = orders.queryOrderByOutTradeNo(query);
    assertEquals(Transaction.TradeStateEnum.SUCCESS, found.getTradeState());
    assertEquals(paid.getTransactionId(), found.getTransactionId());

    Refund refund = refunds.create(part);
    Weipay.sandbox("refund", refund.getRefundId(), "--to", "success");
    RefundNotification refunded = notified(config, "REFUND.SUCCESS", RefundNotification.class);
    assertEquals(refund.getRefundId(), refunded.getRefundId());
    assertEquals(30, refunded.getAmount().getRefund());
    var given = new QueryByOutRefundNoRequest();
    given.setOutRefundNo(number + "refund");
    assertEquals(Status.SUCCESS, refunds.queryByOutRefundNo(given).getStatus());
    query.setOutTradeNo(number + "unknown");
    assertEquals("ORDER_NOT_EXIST", assertThrows(ServiceException.class, () -> orders.queryOrderByOutTradeNo(query)).getErrorCode());
    for (String step : List.of("payment", "payment notification", "refund", "refund notification", "unknown order")) {
      did(kind, keys, step);
    }
  }

  @ParameterizedTest
  @CsvSource({"public-key,public key", "certificate,certificate", "migration,public key", "migration,certificate"})
  void theBillOfADayIsDownloaded(String kind, String keys) throws Exception {
    var bills = new BillDownloadServiceExtension.Builder().config(Kit.of(kind).config(keys)).build();
    var bill = bills.getTradeBill(request(GetTradeBillRequest.class, Map.of("bill_date", System.getenv("BILL_DATE"))));
    try (var content = bill.getInputStream()) {
      assertFilled(new String(content.readAllBytes(), StandardCharsets.UTF_8));
    }
    assertTrue(bill.verifyHash(), "its verifyHash refused the bill");
    did(kind, keys, "bill");
  }

  /** Its transfers are the older ones, in batches, which nobody confirms. */
  @ParameterizedTest
  @CsvSource({"public-key,public key", "certificate,certificate", "migration,public key", "migration,certificate"})
  void othersGetAPartOfAPaymentAndATransfer(String kind, String keys) throws Exception {
    Kit kit = Kit.of(kind);
    Config config = kit.config(keys);
    String person = kit.get("openid");
    String name = keys.replace(' ', '-');
    var query = new QueryOrderByOutTradeNoRequest();
    query.setMchid(kit.get("mchid"));
    query.setOutTradeNo("past-" + name);
    String past = new NativePayService.Builder().config(config).build().queryOrderByOutTradeNo(query).getTransactionId();
    var shares = new ProfitsharingService.Builder().config(config).build();
    shares.addReceiver(request(AddReceiverRequest.class, Map.of("appid", kit.get("appid"), "type", "PERSONAL_OPENID",
        "account", person, "relation_type", "USER")));
    Map<String, String> share = Map.of("transaction_id", past, "out_order_no", "java-" + name + "-share");
    shares.createOrder(request(CreateOrderRequest.class, share, Map.of("appid", kit.get("appid"), "unfreeze_unsplit", true,
        "receivers", List.of(Map.of("type", "PERSONAL_OPENID", "account", person, "amount", 10, "description", "分给一人")))));

    var transfers = new TransferBatchService.Builder().config(config).build();
    String batch = ("java" + name + "batch").replace("-", "");
    transfers.initiateBatchTransfer(request(InitiateBatchTransferRequest.class, Map.of("appid", kit.get("appid"),
        "out_batch_no", batch, "batch_name", "报销", "batch_remark", "报销", "total_amount", 100, "total_num", 1,
        "transfer_scene_id", "1000", "transfer_detail_list", List.of(Map.of(
            "out_detail_no", batch + "1", "transfer_amount", 100, "transfer_remark", "报销", "openid", person)))));
    Weipay.sandbox("clock", "advance", "5s");
    var state = transfers.getTransferBatchByOutNo(request(GetTransferBatchByOutNoRequest.class,
        Map.of("out_batch_no", batch, "need_query_detail", false)));
    assertEquals("FINISHED", state.getTransferBatch().getBatchStatus());
    assertEquals(1, state.getTransferBatch().getSuccessNum());
    OrdersEntity shared = shares.queryOrder(request(QueryOrderRequest.class, share));
    assertEquals(OrderStatus.FINISHED, shared.getState());
    assertEquals(DetailStatus.SUCCESS, shared.getReceivers().get(0).getResult());
    did(kind, keys, "profit sharing");
    did(kind, keys, "transfer");
  }

  static void assertFilled(String value) {
    assertFalse(value == null || value.isEmpty(), "the answer is empty");
  }

  @ParameterizedTest
  @CsvSource({"public-key,public key", "certificate,certificate", "migration,public key", "migration,certificate"})
  void aCouponIsCreatedSentAssociatedDisassociatedAndUsed(String kind, String keys) {
    Kit kit = Kit.of(kind);
    var coupons = new MerchantExclusiveCouponService.Builder().config(kit.config(keys)).build();
    String number = "java-" + keys.replace(' ', '-') + "-";
    // `toString` would leave seconds of zero out.
    var now = OffsetDateTime.now(ZoneOffset.ofHours(8)).truncatedTo(ChronoUnit.SECONDS);
    String stock = coupons.createBusifavorStock(request(CreateBusiFavorStockRequest.class, Map.of(
        "stock_name", "满十元减五元", "belong_merchant", kit.get("mchid"), "goods_name", "全场通用", "stock_type", "NORMAL",
        "coupon_use_rule", Map.of(
            "coupon_available_time", Map.of(
                "available_begin_time", now.minusDays(1).format(ISO_OFFSET_DATE_TIME), "available_end_time", now.plusDays(30).format(ISO_OFFSET_DATE_TIME)),
            "fixed_normal_coupon", Map.of("discount_amount", 500, "transaction_minimum", 1000),
            "use_method", "OFF_LINE"),
        "stock_send_rule", Map.of("max_coupons", 100, "max_coupons_per_user", 10),
        "coupon_code_mode", "WECHATPAY_MODE", "out_request_no", number + "stock"))).getStockId();

    Map<String, String> user = Map.of("appid", kit.get("appid"), "openid", kit.get("openid"));
    String code = coupons.sendCoupon(request(SendCouponRequest.class, user,
        Map.of("stock_id", stock, "out_request_no", number + "send"))).getSendCouponResult().getCouponCode();
    Map<String, String> tie = Map.of("stock_id", stock, "coupon_code", code, "out_trade_no", number + "order");
    var query = request(QueryCouponRequest.class, user, Map.of("coupon_code", code));

    assertFilled(coupons.associateTradeInfo(request(AssociateTradeInfoRequest.class, tie,
        Map.of("out_request_no", number + "associate"))).getWechatpayAssociateTime());
    assertEquals(number + "order", coupons.queryCoupon(query).getAssociateOutTradeNo());

    assertFilled(coupons.disassociateTradeInfo(request(DisassociateTradeInfoRequest.class, tie,
        Map.of("out_request_no", number + "disassociate"))).getWechatpayDisassociateTime());
    CouponEntity free = coupons.queryCoupon(query);
    assertEquals(CouponStatus.SENDED, free.getCouponState());
    assertEquals(stock, free.getStockId());
    assertNull(free.getAssociateOutTradeNo());

    assertEquals(kit.get("openid"), coupons.useCoupon(request(UseCouponRequest.class, user,
        Map.of("stock_id", stock, "coupon_code", code, "use_time", now.format(ISO_OFFSET_DATE_TIME), "use_request_no", number + "use")))
        .getOpenid());
    assertEquals(CouponStatus.USED, coupons.queryCoupon(query).getCouponState());

    ServiceException unknown = assertThrows(ServiceException.class, () -> coupons.disassociateTradeInfo(request(
        DisassociateTradeInfoRequest.class, tie, Map.of("coupon_code", "1", "out_request_no", number + "unknown"))));
    assertEquals(400, unknown.getHttpStatusCode());
    assertEquals("INVALID_REQUEST", unknown.getErrorCode());
    did(kind, keys, "coupon story");
    did(kind, keys, "unknown coupon");
  }

  @Test
  void aResponseThatWasChangedOnTheWayIsRefused() {
    Kit kit = Kit.of("public-key");
    Config config = kit.config("public key");
    var changing = new OkHttpClient.Builder().addInterceptor(chain -> {
      var response = chain.proceed(chain.request());
      var body = response.body();
      String changed = body.string().replace("weixin:", "weixin!");
      return response.newBuilder().body(ResponseBody.create(changed, body.contentType())).build();
    }).build();
    HttpClient client = new DefaultHttpClientBuilder().config(config).okHttpClient(changing).build();
    var service = new NativePayService.Builder().httpClient(client).build();
    assertThrows(ValidationException.class, () -> service.prepay(request(
        com.wechat.pay.java.service.payments.nativepay.model.PrepayRequest.class,
        Map.of("appid", kit.get("appid"), "mchid", kit.get("mchid"), "description", "测试", "out_trade_no", "java-changed",
            "notify_url", "https://example.com/notify", "amount", Map.of("total", 1)))));
    did("public-key", "public key", "changed response refused");
  }
}
