// The official Go SDK, unmodified, with its typed services, against `weipay sandbox`. The SDK builds every URL from one constant
// and sends with Go's default transport, so that a round tripper in its place takes the requests to the sandbox; the host is not
// part of what is signed. The SDK verifies every successful answer, with the key that its README configures.
package foreign

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/downloader"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	coupon "github.com/wechatpay-apiv3/wechatpay-go/services/merchantexclusivecoupon"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/app"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/h5"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/native"
	"github.com/wechatpay-apiv3/wechatpay-go/services/transferbatch"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

var (
	kit  = map[string]string{}
	text = core.String
)

func TestMain(m *testing.M) {
	content, err := os.ReadFile(os.Getenv("KIT"))
	if err != nil {
		fmt.Println("KIT names no file: run foreign/run:", err)
		os.Exit(1)
	}
	if err = json.Unmarshal(content, &kit); err != nil {
		panic(err)
	}
	http.DefaultTransport = toSandbox{http.DefaultTransport, nil}
	os.Exit(m.Run())
}

// toSandbox sends requests to the sandbox, and lets a test change the answers on their way back.
type toSandbox struct {
	transport http.RoundTripper
	change    func([]byte) []byte
}

func (to toSandbox) RoundTrip(request *http.Request) (*http.Response, error) {
	request.URL.Scheme, request.URL.Host, request.Host = "http", strings.TrimPrefix(kit["base_url"], "http://"), ""
	answer, err := to.transport.RoundTrip(request)
	if err == nil && to.change != nil {
		body, _ := io.ReadAll(answer.Body)
		answer.Body = io.NopCloser(bytes.NewReader(to.change(body)))
	}
	return answer, err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func file(member string) string { return filepath.Join(filepath.Dir(os.Getenv("KIT")), kit[member]) }

// options configures the keys as the SDK's README and documentation do: the public key, the platform certificate, which it
// downloads and keeps new, or both, for a merchant who changes from one to the other.
func options(t *testing.T, keys string) []core.ClientOption {
	mchid, serial, id := kit["mchid"], kit["merchant_serial"], kit["public_key_id"]
	key, err := utils.LoadPrivateKeyWithPath(file("merchant_key"))
	must(t, err)
	public, err := utils.LoadPublicKeyWithPath(file("public_key"))
	must(t, err)
	switch keys {
	case "public-key":
		return []core.ClientOption{option.WithWechatPayPublicKeyAuthCipher(mchid, serial, key, id, public)}
	case "certificate":
		return []core.ClientOption{option.WithWechatPayAutoAuthCipher(mchid, serial, key, kit["api_v3_key"])}
	}
	certificates := downloader.NewCertificateDownloaderMgr(context.Background())
	must(t, certificates.RegisterDownloaderWithPrivateKey(context.Background(), key, serial, mchid, kit["api_v3_key"]))
	verifier := verifiers.NewSHA256WithRSACombinedVerifier(certificates.GetCertificateVisitor(mchid), id, *public)
	return []core.ClientOption{option.WithMerchantCredential(mchid, serial, key), option.WithVerifier(verifier)}
}

// each runs a test with each configuration of keys; one with both keys has none that encrypts.
func each(t *testing.T, did string, run func(*testing.T, string, *core.Client), configurations ...string) {
	for _, keys := range append(configurations, "public-key", "certificate") {
		t.Run(keys, func(t *testing.T) {
			client, err := core.NewClient(context.Background(), options(t, keys)...)
			must(t, err)
			run(t, keys, client)
			fmt.Printf("did: %s (%s)\n", did, keys)
		})
	}
}

func TestOrdersArePlaced(t *testing.T) {
	each(t, "orders", func(t *testing.T, name string, client *core.Client) {
		ctx, what, notify := context.Background(), text("测试"), text("https://example.com/notify")
		appid, mchid := text(kit["appid"]), text(kit["mchid"])
		number := func(kind string) *string { return text("go-" + name + "-" + kind) }
		filled := func(answer *string, err error) {
			t.Helper()
			must(t, err)
			if answer == nil || *answer == "" {
				t.Fatal("the answer is empty")
			}
		}

		one := &jsapi.JsapiApiService{Client: client}
		signed, _, err := one.PrepayWithRequestPayment(ctx, jsapi.PrepayRequest{
			Appid: appid, Mchid: mchid, Description: what, OutTradeNo: number("jsapi"), NotifyUrl: notify,
			Amount: &jsapi.Amount{Total: core.Int64(1)}, Payer: &jsapi.Payer{Openid: text(kit["openid"])}})
		must(t, err)
		filled(signed.PrepayId, nil)

		two := &native.NativeApiService{Client: client}
		code, _, err := two.Prepay(ctx, native.PrepayRequest{
			Appid: appid, Mchid: mchid, Description: what, OutTradeNo: number("native"), NotifyUrl: notify,
			Amount: &native.Amount{Total: core.Int64(1)}})
		must(t, err)
		filled(code.CodeUrl, nil)

		three := &app.AppApiService{Client: client}
		prepaid, _, err := three.Prepay(ctx, app.PrepayRequest{
			Appid: appid, Mchid: mchid, Description: what, OutTradeNo: number("app"), NotifyUrl: notify,
			Amount: &app.Amount{Total: core.Int64(1)}})
		must(t, err)
		filled(prepaid.PrepayId, nil)

		four := &h5.H5ApiService{Client: client}
		page, _, err := four.Prepay(ctx, h5.PrepayRequest{
			Appid: appid, Mchid: mchid, Description: what, OutTradeNo: number("h5"), NotifyUrl: notify,
			Amount:    &h5.Amount{Total: core.Int64(1)},
			SceneInfo: &h5.SceneInfo{PayerClientIp: text("127.0.0.1"), H5Info: &h5.H5Info{Type: text("Wap")}}})
		must(t, err)
		filled(page.H5Url, nil)

		found, _, err := two.QueryOrderByOutTradeNo(ctx, native.QueryOrderByOutTradeNoRequest{
			OutTradeNo: number("native"), Mchid: mchid})
		must(t, err)
		if *found.OutTradeNo != *number("native") {
			t.Fatal("another order was found: " + *found.OutTradeNo)
		}
		_, err = two.CloseOrder(ctx, native.CloseOrderRequest{OutTradeNo: number("native"), Mchid: mchid})
		must(t, err)
	}, "both")
}

// The SDK encrypts what its model marks, for the key that it names in `Wechatpay-Serial`, and opens what comes back.
func TestAFieldTravelsEncryptedBothWays(t *testing.T) {
	each(t, "encrypted fields", func(t *testing.T, keys string, client *core.Client) {
		ctx, batch := context.Background(), strings.ReplaceAll("go"+keys+"batch", "-", "")
		_, _, err := (&transferbatch.TransferBatchApiService{Client: client}).InitiateBatchTransfer(ctx,
			transferbatch.InitiateBatchTransferRequest{
				Appid: text(kit["appid"]), OutBatchNo: text(batch), BatchName: text("报销"), BatchRemark: text("报销"),
				TotalAmount: core.Int64(200000), TotalNum: core.Int64(1), TransferSceneId: text("1000"),
				TransferDetailList: []transferbatch.TransferDetailInput{{
					OutDetailNo: text(batch + "1"), TransferAmount: core.Int64(200000), TransferRemark: text("报销"),
					Openid: text(kit["openid"]), UserName: text("张三")}}})
		must(t, err)
		detail, _, err := (&transferbatch.TransferDetailApiService{Client: client}).GetTransferDetailByOutNo(ctx,
			transferbatch.GetTransferDetailByOutNoRequest{OutBatchNo: text(batch), OutDetailNo: text(batch + "1")})
		must(t, err)
		if detail.UserName == nil || *detail.UserName == "" {
			t.Fatal("no name")
		}
	})
}

func TestACouponIsCreatedSentAssociatedDisassociatedAndUsed(t *testing.T) {
	each(t, "coupon story, unknown coupon", func(t *testing.T, name string, client *core.Client) {
		ctx, now := context.Background(), time.Now()
		number := func(step string) *string { return text("go-" + name + "-" + step) }
		created, _, err := (&coupon.BusiFavorApiService{Client: client}).CreateBusifavorStock(ctx, coupon.CreateBusifavorStockRequest{
			StockName:      text("满十元减五元"),
			BelongMerchant: text(kit["mchid"]),
			GoodsName:      text("全场通用"),
			StockType:      coupon.BUSIFAVORSTOCKTYPE_NORMAL.Ptr(),
			CouponUseRule: &coupon.CouponUseRule{
				CouponAvailableTime: &coupon.FavorAvailableTime{
					AvailableBeginTime: core.Time(now.Add(-24 * time.Hour)), AvailableEndTime: core.Time(now.Add(24 * time.Hour))},
				FixedNormalCoupon: &coupon.FixedValueStockMsg{
					DiscountAmount: core.Int64(500), TransactionMinimum: core.Int64(1000)},
				UseMethod: coupon.COUPONUSEMETHOD_OFF_LINE.Ptr(),
			},
			StockSendRule:  &coupon.StockSendRule{MaxCoupons: core.Int64(10), MaxCouponsPerUser: core.Int64(5)},
			OutRequestNo:   number("stock"),
			CouponCodeMode: coupon.COUPONCODEMODE_WECHATPAY_MODE.Ptr(),
		})
		must(t, err)
		stock, appid, openid := created.StockId, text(kit["appid"]), text(kit["openid"])

		coupons := coupon.CouponApiService{Client: client}
		sent, _, err := coupons.SendCoupon(ctx, coupon.SendCouponRequest{
			Appid: appid, Openid: openid, StockId: stock, OutRequestNo: number("send")})
		must(t, err)
		code := sent.SendCouponResult.CouponCode
		is := func(state coupon.CouponStatus, order string) {
			t.Helper()
			entity, _, err := coupons.QueryCoupon(ctx, coupon.QueryCouponRequest{CouponCode: code, Appid: appid, Openid: openid})
			must(t, err)
			tied := ""
			if entity.AssociateOutTradeNo != nil {
				tied = *entity.AssociateOutTradeNo
			}
			if *entity.StockId != *stock || *entity.CouponState != state || tied != order {
				t.Fatal(entity)
			}
		}
		_, _, err = coupons.AssociateTradeInfo(ctx, coupon.AssociateTradeInfoRequest{
			StockId: stock, CouponCode: code, OutTradeNo: number("order"), OutRequestNo: number("associate")})
		must(t, err)
		is(coupon.COUPONSTATUS_SENDED, *number("order"))

		request := coupon.DisassociateTradeInfoRequest{
			StockId: stock, CouponCode: code, OutTradeNo: number("order"), OutRequestNo: number("disassociate")}
		disassociated, _, err := coupons.DisassociateTradeInfo(ctx, request)
		must(t, err)
		if disassociated.WechatpayDisassociateTime == nil {
			t.Fatal("no time of disassociation")
		}
		is(coupon.COUPONSTATUS_SENDED, "")

		use := coupon.UseCouponRequest{CouponCode: code, StockId: stock, Appid: appid, Openid: openid,
			UseTime: text(now.Format(time.RFC3339)), UseRequestNo: number("use")}
		used, _, err := coupons.UseCoupon(ctx, use)
		must(t, err)
		if *used.Openid != kit["openid"] {
			t.Fatal(used)
		}
		is(coupon.COUPONSTATUS_USED, "")

		request.CouponCode, request.OutRequestNo = text("1"), number("unknown")
		if _, _, err = coupons.DisassociateTradeInfo(ctx, request); !core.IsAPIError(err, "INVALID_REQUEST") {
			t.Fatal(err)
		}
	}, "both")
}

func TestAnAnswerThatWasChangedOnTheWayIsRefused(t *testing.T) {
	changed := http.Client{Transport: toSandbox{http.DefaultTransport, func(body []byte) []byte { return append(body, ' ') }}}
	client, err := core.NewClient(context.Background(), append(options(t, "public-key"), option.WithHTTPClient(&changed))...)
	must(t, err)
	_, err = client.Get(context.Background(), "https://api.mch.weixin.qq.com/v3/certificates")
	if err == nil || !strings.Contains(err.Error(), "verif") {
		t.Fatal(err)
	}
}
