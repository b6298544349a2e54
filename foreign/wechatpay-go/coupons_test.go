// The official Go SDK, unmodified, with its typed services, against `weipay sandbox`. The SDK builds every URL from one
// constant, so that a round tripper takes its requests to the sandbox; the host is not part of what is signed.
package foreign

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	coupon "github.com/wechatpay-apiv3/wechatpay-go/services/merchantexclusivecoupon"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

type kit struct {
	folder  string
	members map[string]string
}

// toSandbox sends requests to the sandbox, and lets a test change the answers on their way back.
type toSandbox struct {
	host   string
	change func([]byte) []byte
}

func (to toSandbox) RoundTrip(request *http.Request) (*http.Response, error) {
	request.URL.Scheme, request.URL.Host, request.Host = "http", to.host, ""
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err == nil && to.change != nil {
		body, _ := io.ReadAll(answer.Body)
		answer.Body = io.NopCloser(bytes.NewReader(to.change(body)))
	}
	return answer, err
}

func start(t *testing.T) kit {
	command := os.Getenv("WEIPAY")
	if command == "" {
		command = "../../target/release/weipay"
	}
	folder := t.TempDir()
	process := exec.Command(command, "sandbox", "--data", folder, "--listen", "127.0.0.1:0")
	output, err := process.StdoutPipe()
	must(t, err)
	must(t, process.Start())
	t.Cleanup(func() { _ = process.Process.Kill(); _ = process.Wait() })
	_, err = bufio.NewReader(output).ReadString('\n')
	must(t, err)
	text, err := os.ReadFile(filepath.Join(folder, "kit.json"))
	must(t, err)
	members := map[string]string{}
	must(t, json.Unmarshal(text, &members))
	return kit{folder, members}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (k kit) file(member string) string { return filepath.Join(k.folder, k.members[member]) }

func (k kit) client(t *testing.T, key *rsa.PrivateKey, change func([]byte) []byte) *core.Client {
	public, err := utils.LoadPublicKeyWithPath(k.file("public_key"))
	must(t, err)
	if key == nil {
		key, err = utils.LoadPrivateKeyWithPath(k.file("merchant_key"))
		must(t, err)
	}
	transport := toSandbox{strings.TrimPrefix(k.members["base_url"], "http://"), change}
	client, err := core.NewClient(context.Background(),
		option.WithWechatPayPublicKeyAuthCipher(
			k.members["mchid"], k.members["merchant_serial"], key, k.members["public_key_id"], public),
		option.WithHTTPClient(&http.Client{Transport: transport}))
	must(t, err)
	return client
}

func TestCouponIsCreatedSentAssociatedAndDisassociated(t *testing.T) {
	k, ctx, now := start(t), context.Background(), time.Now()
	client := k.client(t, nil, nil)
	stocks := coupon.BusiFavorApiService{Client: client}
	created, _, err := stocks.CreateBusifavorStock(ctx, coupon.CreateBusifavorStockRequest{
		StockName:      core.String("满十元减五元"),
		BelongMerchant: core.String(k.members["mchid"]),
		GoodsName:      core.String("全场通用"),
		StockType:      coupon.BUSIFAVORSTOCKTYPE_NORMAL.Ptr(),
		CouponUseRule: &coupon.CouponUseRule{
			CouponAvailableTime: &coupon.FavorAvailableTime{
				AvailableBeginTime: core.Time(now), AvailableEndTime: core.Time(now.Add(24 * time.Hour))},
			FixedNormalCoupon: &coupon.FixedValueStockMsg{
				DiscountAmount: core.Int64(500), TransactionMinimum: core.Int64(1000)},
			UseMethod: coupon.COUPONUSEMETHOD_OFF_LINE.Ptr(),
		},
		StockSendRule:  &coupon.StockSendRule{MaxCoupons: core.Int64(10), MaxCouponsPerUser: core.Int64(5)},
		OutRequestNo:   core.String("foreign-stock"),
		CouponCodeMode: coupon.COUPONCODEMODE_WECHATPAY_MODE.Ptr(),
	})
	must(t, err)

	coupons := coupon.CouponApiService{Client: client}
	sent, _, err := coupons.SendCoupon(ctx, coupon.SendCouponRequest{
		Appid: core.String(k.members["appid"]), Openid: core.String(k.members["openid"]),
		StockId: created.StockId, OutRequestNo: core.String("foreign-send")})
	must(t, err)
	code := sent.SendCouponResult.CouponCode
	_, _, err = coupons.AssociateTradeInfo(ctx, coupon.AssociateTradeInfoRequest{
		StockId: created.StockId, CouponCode: code,
		OutTradeNo: core.String("order-1"), OutRequestNo: core.String("foreign-associate")})
	must(t, err)

	request := coupon.DisassociateTradeInfoRequest{
		StockId: created.StockId, CouponCode: code,
		OutTradeNo: core.String("order-1"), OutRequestNo: core.String("foreign-disassociate")}
	changed := coupon.CouponApiService{Client: k.client(t, nil, func(body []byte) []byte {
		return bytes.Replace(body, []byte(`time":"2`), []byte(`time":"3`), 1)
	})}
	if _, _, err = changed.DisassociateTradeInfo(ctx, request); err == nil {
		t.Fatal("an answer that was changed on the way was believed")
	}
	disassociated, _, err := coupons.DisassociateTradeInfo(ctx, request)
	must(t, err)
	if disassociated.WechatpayDisassociateTime == nil {
		t.Fatal("no time of disassociation")
	}
	request.OutRequestNo = core.String("foreign-again")
	if _, _, err = coupons.DisassociateTradeInfo(ctx, request); !core.IsAPIError(err, "INVALID_REQUEST") {
		t.Fatal(err)
	}
}
