// The official Go SDK, unmodified, with its typed services, against `weipay sandbox`. Its hosts are constants: it comes by the proxy
// and the certificates that the environment names, or the hosts are this machine. It verifies every successful response, with the
// key that its README configures.
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

var text = core.String

// kit is what a merchant knows, and where its files are.
type kit struct {
	members map[string]string
	folder  string
}

// kitOf reads the kit of the merchant of a kind: its environment variable names it.
func kitOf(t *testing.T, kind string) kit {
	path := os.Getenv("KIT_" + strings.ToUpper(strings.ReplaceAll(kind, "-", "_")))
	content, err := os.ReadFile(path)
	must(t, err)
	kit := kit{folder: filepath.Dir(path)}
	// Members that the merchant lacks are null, which is left out.
	must(t, json.Unmarshal(content, &kit.members))
	return kit
}

func (kit kit) text(member string) *string { return text(kit.members[member]) }

func (kit kit) file(member string) string { return filepath.Join(kit.folder, kit.members[member]) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// options configures the keys as the SDK's README and documentation do: the public key, the platform certificate, which it
// downloads and keeps new, or both, for a merchant who changes from one to the other.
func options(t *testing.T, kit kit, keys string) []core.ClientOption {
	mchid, serial, id := kit.members["mchid"], kit.members["merchant_serial"], kit.members["public_key_id"]
	apiV3Key := kit.members["api_v3_key"]
	key, err := utils.LoadPrivateKeyWithPath(kit.file("merchant_key"))
	must(t, err)
	if keys == "certificate" {
		return []core.ClientOption{option.WithWechatPayAutoAuthCipher(mchid, serial, key, apiV3Key)}
	}
	public, err := utils.LoadPublicKeyWithPath(kit.file("public_key"))
	must(t, err)
	if keys == "public key" {
		return []core.ClientOption{option.WithWechatPayPublicKeyAuthCipher(mchid, serial, key, id, public)}
	}
	certificates := downloader.NewCertificateDownloaderMgr(context.Background())
	must(t, certificates.RegisterDownloaderWithPrivateKey(context.Background(), key, serial, mchid, apiV3Key))
	verifier := verifiers.NewSHA256WithRSACombinedVerifier(certificates.GetCertificateVisitor(mchid), id, *public)
	return []core.ClientOption{option.WithMerchantCredential(mchid, serial, key), option.WithVerifier(verifier)}
}

// fitting are the kinds of merchants, and the configurations of keys that fit each.
var fitting = [][2]string{
	{"public-key", "public key"}, {"certificate", "certificate"},
	{"migration", "public key"}, {"migration", "certificate"}, {"migration", "both"},
}

// each runs a test for each of them.
func each(t *testing.T, did string, run func(*testing.T, kit, string, *core.Client)) {
	for _, fit := range fitting {
		kind, keys := fit[0], fit[1]
		t.Run(kind+", "+keys, func(t *testing.T) {
			kit := kitOf(t, kind)
			client, err := core.NewClient(context.Background(), options(t, kit, keys)...)
			must(t, err)
			run(t, kit, strings.ReplaceAll(keys, " ", "-"), client)
			for _, step := range strings.Split(did, ", ") {
				fmt.Printf("did: %s | %s | %s\n", kind, keys, step)
			}
		})
	}
}

func TestOrdersArePlaced(t *testing.T) {
	each(t, "orders", func(t *testing.T, kit kit, name string, client *core.Client) {
		ctx, what, notify := context.Background(), text("测试"), text("https://example.com/notify")
		appid, mchid := kit.text("appid"), kit.text("mchid")
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
			Amount: &jsapi.Amount{Total: core.Int64(1)}, Payer: &jsapi.Payer{Openid: kit.text("openid")}})
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
	})
}

// The SDK encrypts what its model marks, for the key that it names in `Wechatpay-Serial`, and opens what comes back.
func TestAFieldTravelsEncryptedBothWays(t *testing.T) {
	each(t, "encrypted fields", func(t *testing.T, kit kit, keys string, client *core.Client) {
		if keys == "both" {
			t.Skip("with both keys, nothing that encrypts is configured")
		}
		ctx, batch := context.Background(), strings.ReplaceAll("go"+keys+"batch", "-", "")
		_, _, err := (&transferbatch.TransferBatchApiService{Client: client}).InitiateBatchTransfer(ctx,
			transferbatch.InitiateBatchTransferRequest{
				Appid: kit.text("appid"), OutBatchNo: text(batch), BatchName: text("报销"), BatchRemark: text("报销"),
				TotalAmount: core.Int64(200000), TotalNum: core.Int64(1), TransferSceneId: text("1000"),
				TransferDetailList: []transferbatch.TransferDetailInput{{
					OutDetailNo: text(batch + "1"), TransferAmount: core.Int64(200000), TransferRemark: text("报销"),
					Openid: kit.text("openid"), UserName: text("张三")}}})
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
	each(t, "coupon story, unknown coupon", func(t *testing.T, kit kit, name string, client *core.Client) {
		ctx, now := context.Background(), time.Now()
		number := func(step string) *string { return text("go-" + name + "-" + step) }
		created, _, err := (&coupon.BusiFavorApiService{Client: client}).CreateBusifavorStock(ctx, coupon.CreateBusifavorStockRequest{
			StockName:      text("满十元减五元"),
			BelongMerchant: kit.text("mchid"),
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
		stock, appid, openid := created.StockId, kit.text("appid"), kit.text("openid")

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
		if *used.Openid != kit.members["openid"] {
			t.Fatal(used)
		}
		is(coupon.COUPONSTATUS_USED, "")

		request.CouponCode, request.OutRequestNo = text("1"), number("unknown")
		if _, _, err = coupons.DisassociateTradeInfo(ctx, request); !core.IsAPIError(err, "INVALID_REQUEST") {
			t.Fatal(err)
		}
	})
}

// changing changes responses on their way back.
type changing struct{}

func (changing) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(request)
	if err == nil {
		body, _ := io.ReadAll(response.Body)
		response.Body = io.NopCloser(bytes.NewReader(append(body, ' ')))
	}
	return response, err
}

func TestAResponseThatWasChangedOnTheWayIsRefused(t *testing.T) {
	kit := kitOf(t, "public-key")
	with := append(options(t, kit, "public key"), option.WithHTTPClient(&http.Client{Transport: changing{}}))
	client, err := core.NewClient(context.Background(), with...)
	must(t, err)
	_, _, err = (&native.NativeApiService{Client: client}).Prepay(context.Background(), native.PrepayRequest{
		Appid: kit.text("appid"), Mchid: kit.text("mchid"), Description: text("测试"), OutTradeNo: text("go-changed"),
		NotifyUrl: text("https://example.com/notify"), Amount: &native.Amount{Total: core.Int64(1)}})
	if err == nil || !strings.Contains(err.Error(), "verif") {
		t.Fatal(err)
	}
	fmt.Println("did: public-key | public key | changed response refused")
}
