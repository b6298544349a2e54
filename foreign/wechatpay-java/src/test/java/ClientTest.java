// The official Java SDK, unmodified, with its typed services, against `weipay sandbox`. Its host is an enumeration of the
// platform's own: it comes by the proxy and the trust store that the environment gives to Java, or the hosts are this machine. It
// verifies every successful response, with the key that its README configures.
import static java.time.format.DateTimeFormatter.ISO_OFFSET_DATE_TIME;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.gson.Gson;
import com.wechat.pay.java.core.Config;
import com.wechat.pay.java.core.RSAAutoCertificateConfig;
import com.wechat.pay.java.core.RSAPublicKeyConfig;
import com.wechat.pay.java.core.exception.ServiceException;
import com.wechat.pay.java.core.exception.ValidationException;
import com.wechat.pay.java.core.http.DefaultHttpClientBuilder;
import com.wechat.pay.java.core.http.HttpClient;
import com.wechat.pay.java.service.merchantexclusivecoupon.MerchantExclusiveCouponService;
import com.wechat.pay.java.service.merchantexclusivecoupon.model.*;
import com.wechat.pay.java.service.payments.app.AppService;
import com.wechat.pay.java.service.payments.h5.H5Service;
import com.wechat.pay.java.service.payments.jsapi.JsapiServiceExtension;
import com.wechat.pay.java.service.payments.nativepay.NativePayService;
import com.wechat.pay.java.service.payments.nativepay.model.CloseOrderRequest;
import com.wechat.pay.java.service.payments.nativepay.model.QueryOrderByOutTradeNoRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
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
