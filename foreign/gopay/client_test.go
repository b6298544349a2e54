// gopay, unmodified, against `weipay sandbox`. Its SetProxyHost, which means a base URL, names the sandbox; or it comes by the proxy and
// the certificates that the environment names; or the hosts are this machine. Its responses are verified when its README's
// AutoVerifySign or AutoVerifySignByPublicKey was called; without them it sends an empty `Wechatpay-Serial`. It has no operation
// that sends a coupon (its V3BusiFavorSend is for consumption cards), so that `weipay call` does that one step.
package foreign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-pay/gopay"
	"github.com/go-pay/gopay/pkg/xhttp"
	"github.com/go-pay/gopay/wechat/v3"
)

var ctx = context.Background()

// kit is what a merchant knows, and where its files are.
type kit struct {
	members map[string]string
	path    string
}

// kitOf reads the kit of the merchant of a kind: its environment variable names it.
func kitOf(t *testing.T, kind string) kit {
	kit := kit{path: kitPath(kind)}
	content, err := os.ReadFile(kit.path)
	must(t, err)
	// Members that the merchant lacks are null, which is left out.
	must(t, json.Unmarshal(content, &kit.members))
	return kit
}

func kitPath(kind string) string {
	return os.Getenv("KIT_" + strings.ToUpper(strings.ReplaceAll(kind, "-", "_")))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// done fails the test unless the call succeeded: gopay reports the platform's errors in its answer.
func done(t *testing.T, code int, refused string) {
	t.Helper()
	if code != wechat.Success {
		t.Fatal(code, refused)
	}
}

func (kit kit) pem(t *testing.T, member string) []byte {
	content, err := os.ReadFile(filepath.Join(filepath.Dir(kit.path), kit.members[member]))
	must(t, err)
	return content
}

// client is set up as its README says: nothing is verified, the platform certificate is downloaded, the public key is held, or both.
func (kit kit) client(t *testing.T, keys string) *wechat.ClientV3 {
	client, err := wechat.NewClientV3(kit.members["mchid"], kit.members["merchant_serial"], kit.members["api_v3_key"],
		string(kit.pem(t, "merchant_key")))
	must(t, err)
	if os.Getenv("WAY") == "base-url" {
		client.SetProxyHost(kit.members["base_url"])
	}
	if keys == "certificate" || keys == "both" {
		must(t, client.AutoVerifySign(false))
	}
	if keys == "public key" || keys == "both" {
		must(t, client.AutoVerifySignByPublicKey(kit.pem(t, "public_key"), kit.members["public_key_id"]))
	}
	return client
}

// fitting are the kinds of merchants, and the configurations of keys that fit each.
var fitting = [][2]string{
	{"public-key", "none"}, {"public-key", "public key"}, {"certificate", "none"}, {"certificate", "certificate"},
	{"migration", "none"}, {"migration", "public key"}, {"migration", "certificate"}, {"migration", "both"},
}

// each runs a test for each of them.
func each(t *testing.T, did string, run func(*testing.T, kit, string, *wechat.ClientV3)) {
	for _, fit := range fitting {
		kind, keys := fit[0], fit[1]
		t.Run(kind+", "+keys, func(t *testing.T) {
			kit := kitOf(t, kind)
			run(t, kit, strings.ReplaceAll(keys, " ", "-"), kit.client(t, keys))
			for _, step := range strings.Split(did, ", ") {
				fmt.Printf("did: %s | %s | %s\n", kind, keys, step)
			}
		})
	}
}

func TestOrdersArePlaced(t *testing.T) {
	each(t, "orders", func(t *testing.T, kit kit, keys string, client *wechat.ClientV3) {
		number := func(kind string) string { return "gopay-" + keys + "-" + kind }
		order := func(kind string) gopay.BodyMap {
			return make(gopay.BodyMap).Set("appid", kit.members["appid"]).Set("description", "测试").
				Set("out_trade_no", number(kind)).Set("notify_url", "https://example.com/notify").
				SetBodyMap("amount", func(bm gopay.BodyMap) { bm.Set("total", 1).Set("currency", "CNY") })
		}
		jsapi, err := client.V3TransactionJsapi(ctx, order("jsapi").
			SetBodyMap("payer", func(bm gopay.BodyMap) { bm.Set("openid", kit.members["openid"]) }))
		must(t, err)
		done(t, jsapi.Code, jsapi.Error)
		native, err := client.V3TransactionNative(ctx, order("native"))
		must(t, err)
		done(t, native.Code, native.Error)
		app, err := client.V3TransactionApp(ctx, order("app"))
		must(t, err)
		done(t, app.Code, app.Error)
		h5, err := client.V3TransactionH5(ctx, order("h5").SetBodyMap("scene_info", func(bm gopay.BodyMap) {
			bm.Set("payer_client_ip", "127.0.0.1").
				SetBodyMap("h5_info", func(bm gopay.BodyMap) { bm.Set("type", "Wap") })
		}))
		must(t, err)
		done(t, h5.Code, h5.Error)
		for _, value := range []string{
			jsapi.Response.PrepayId, native.Response.CodeUrl, app.Response.PrepayId, h5.Response.H5Url,
		} {
			if value == "" {
				t.Fatal("an answer is empty")
			}
		}
		found, err := client.V3TransactionQueryOrder(ctx, wechat.OutTradeNo, number("native"))
		must(t, err)
		done(t, found.Code, found.Error)
		if found.Response.OutTradeNo != number("native") {
			t.Fatal("another order was found: " + found.Response.OutTradeNo)
		}
		closed, err := client.V3TransactionCloseOrder(ctx, number("native"))
		must(t, err)
		done(t, closed.Code, closed.Error)
	})
}

func TestACouponIsCreatedAssociatedDisassociatedAndUsed(t *testing.T) {
	each(t, "coupon story, unknown coupon", func(t *testing.T, kit kit, keys string, client *wechat.ClientV3) {
		now := time.Now()
		number := func(step string) string { return "gopay-" + keys + "-" + step }
		created, err := client.V3BusiFavorBatchCreate(ctx, make(gopay.BodyMap).
			Set("stock_name", "满十元减五元").Set("belong_merchant", kit.members["mchid"]).Set("goods_name", "全场通用").
			Set("stock_type", "NORMAL").
			SetBodyMap("coupon_use_rule", func(bm gopay.BodyMap) {
				bm.Set("use_method", "OFF_LINE").
					SetBodyMap("coupon_available_time", func(bm gopay.BodyMap) {
						bm.Set("available_begin_time", now.Add(-24*time.Hour).Format(time.RFC3339)).
							Set("available_end_time", now.Add(24*time.Hour).Format(time.RFC3339))
					}).
					SetBodyMap("fixed_normal_coupon", func(bm gopay.BodyMap) {
						bm.Set("discount_amount", 500).Set("transaction_minimum", 1000)
					})
			}).
			SetBodyMap("stock_send_rule", func(bm gopay.BodyMap) { bm.Set("max_coupons", 10).Set("max_coupons_per_user", 5) }).
			Set("coupon_code_mode", "WECHATPAY_MODE").Set("out_request_no", number("stock")))
		must(t, err)
		done(t, created.Code, created.Error)
		stock := created.Response.StockId
		code := kit.send(t, stock, number("send"))

		is := func(state, order string) {
			t.Helper()
			coupon, err := client.V3BusiFavorUserCouponDetail(ctx, kit.members["openid"], code, kit.members["appid"])
			must(t, err)
			done(t, coupon.Code, coupon.Error)
			// Its model lacks the order, so that the text is read, which it verified.
			var tied struct {
				Order string `json:"associate_out_trade_no"`
			}
			must(t, json.Unmarshal([]byte(coupon.SignInfo.SignBody), &tied))
			if coupon.Response.StockId != stock || coupon.Response.CouponState != state || tied.Order != order {
				t.Fatal(coupon.SignInfo.SignBody)
			}
		}
		tie := func(verb string) gopay.BodyMap {
			return make(gopay.BodyMap).Set("stock_id", stock).Set("coupon_code", code).
				Set("out_trade_no", number("order")).Set("out_request_no", number(verb))
		}
		associated, err := client.V3BusiFavorAssociate(ctx, tie("associate"))
		must(t, err)
		done(t, associated.Code, associated.Error)
		is("SENDED", number("order"))
		freed, err := client.V3BusiFavorDisassociate(ctx, tie("disassociate"))
		must(t, err)
		done(t, freed.Code, freed.Error)
		is("SENDED", "")
		if associated.Response.WechatpayAssociateTime == "" || freed.Response.WechatpayDisassociateTime == "" {
			t.Fatal("no time of association or disassociation")
		}
		used, err := client.V3BusiFavorUse(ctx, make(gopay.BodyMap).
			Set("coupon_code", code).Set("stock_id", stock).Set("appid", kit.members["appid"]).Set("openid", kit.members["openid"]).
			Set("use_time", now.Format(time.RFC3339)).Set("use_request_no", number("use")))
		must(t, err)
		done(t, used.Code, used.Error)
		is("USED", "")

		unknown, err := client.V3BusiFavorDisassociate(ctx, tie("unknown").Set("coupon_code", "1"))
		must(t, err)
		if unknown.Code != 400 || unknown.ErrResponse.Code != "INVALID_REQUEST" {
			t.Fatal(unknown.Code, unknown.Error)
		}
	})
}

func (kit kit) send(t *testing.T, stock, number string) string {
	body, err := json.Marshal(map[string]string{
		"stock_id": stock, "appid": kit.members["appid"], "openid": kit.members["openid"], "out_request_no": number})
	must(t, err)
	answer, err := exec.Command(os.Getenv("WEIPAY"), "call", "POST", "v3/marketing/busifavor/coupons/send",
		"--json", string(body), "--kit", kit.path).Output()
	must(t, err)
	var sent struct {
		Result struct {
			Code string `json:"coupon_code"`
		} `json:"send_coupon_result"`
	}
	must(t, json.Unmarshal(answer, &sent))
	return sent.Result.Code
}

type changing struct{}

func (changing) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err == nil {
		body, _ := io.ReadAll(answer.Body)
		answer.Body = io.NopCloser(bytes.NewReader(bytes.Replace(body, []byte("weixin:"), []byte("weixin!"), 1)))
	}
	return answer, err
}

func TestAResponseThatWasChangedOnTheWayIsRefused(t *testing.T) {
	kit := kitOf(t, "public-key")
	client := kit.client(t, "public key")
	client.SetHttpClient(xhttp.NewClient().SetTransport(changing{}))
	_, err := client.V3TransactionNative(ctx, make(gopay.BodyMap).Set("appid", kit.members["appid"]).Set("description", "测试").
		Set("out_trade_no", "gopay-changed").Set("notify_url", "https://example.com/notify").
		SetBodyMap("amount", func(bm gopay.BodyMap) { bm.Set("total", 1) }))
	if !errors.Is(err, gopay.VerifySignatureErr) {
		t.Fatal(err)
	}
	fmt.Println("did: public-key | public key | changed response refused")
}
