// Payments: an order is made and paid, notifications are parsed by the SDK's own handler, money is given back, shared and transferred.
package foreign

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/downloader"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
	"github.com/wechatpay-apiv3/wechatpay-go/services/profitsharing"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

// weipay is what a person or time does: no client can do it.
func weipay(t *testing.T, arguments ...string) {
	t.Helper()
	arguments = append(append([]string{"sandbox"}, arguments...), "--data", os.Getenv("DATA"))
	if output, err := exec.Command(os.Getenv("WEIPAY"), arguments...).CombinedOutput(); err != nil {
		t.Fatal(err, string(output))
	}
}

// notification is a notification as it came.
type notification struct {
	header http.Header
	body   []byte
}

var notifications = make(chan notification, 8)

var receiver = httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	response.WriteHeader(http.StatusNoContent)
	notifications <- notification{request.Header, body}
}))

// handler is set up as the README says: with the key, or with the downloaded certificates, of the client.
func handler(t *testing.T, kit kit, keys string) *notify.Handler {
	var verifier auth.Verifier
	certificates := downloader.MgrInstance().GetCertificateVisitor(kit.members["mchid"])
	if keys == "certificate" {
		verifier = verifiers.NewSHA256WithRSAVerifier(certificates)
	} else {
		public, err := utils.LoadPublicKeyWithPath(kit.file("public_key"))
		must(t, err)
		verifier = verifiers.NewSHA256WithRSAPubkeyVerifier(kit.members["public_key_id"], *public)
		if keys == "both" {
			verifier = verifiers.NewSHA256WithRSACombinedVerifier(certificates, kit.members["public_key_id"], *public)
		}
	}
	handler, err := notify.NewRSANotifyHandler(kit.members["api_v3_key"], verifier)
	must(t, err)
	return handler
}

// notified parses the next notification, and refuses it when it was changed.
func notified(t *testing.T, handler *notify.Handler, event string, content any) {
	t.Helper()
	select {
	case came := <-notifications:
		request := func(body []byte) *http.Request {
			request := httptest.NewRequest(http.MethodPost, "/notify", bytes.NewReader(body))
			request.Header = came.header
			return request
		}
		parsed, err := handler.ParseNotifyRequest(context.Background(), request(came.body), content)
		must(t, err)
		if parsed.EventType != event {
			t.Fatal("another event: " + parsed.EventType)
		}
		if _, err := handler.ParseNotifyRequest(context.Background(), request(append(came.body, ' ')), content); err == nil {
			t.Fatal("a notification that was changed was believed")
		}
	case <-time.After(30 * time.Second):
		t.Fatal("no notification of " + event)
	}
}

func TestAnOrderIsPaidAndAPartIsGivenBack(t *testing.T) {
	did := "payment, payment notification, refund, refund notification, unknown order"
	each(t, did, func(t *testing.T, kit kit, name string, client *core.Client) {
		ctx, handler, url := context.Background(), handler(t, kit, strings.ReplaceAll(name, "-", " ")), text(receiver.URL)
		number := func(step string) *string { return text("go-" + name + "-" + step) }
		orders, refunds := &jsapi.JsapiApiService{Client: client}, &refunddomestic.RefundsApiService{Client: client}
		signed, _, err := orders.PrepayWithRequestPayment(ctx, jsapi.PrepayRequest{
			Appid: kit.text("appid"), Mchid: kit.text("mchid"), Description: text("测试"), OutTradeNo: number("payment"), NotifyUrl: url,
			Amount: &jsapi.Amount{Total: core.Int64(100)}, Payer: &jsapi.Payer{Openid: kit.text("openid")}})
		must(t, err)
		part := refunddomestic.CreateRequest{OutTradeNo: number("payment"), OutRefundNo: number("refund"), NotifyUrl: url,
			Amount: &refunddomestic.AmountReq{Refund: core.Int64(30), Total: core.Int64(100), Currency: text("CNY")}}
		if _, result, err := refunds.Create(ctx, part); err == nil || result.Response.StatusCode/100 != 4 {
			t.Fatal("what nobody has paid was given back", err)
		}
		front, err := json.Marshal(signed)
		must(t, err)
		weipay(t, "pay", "--front-end", string(front))
		var paid payments.Transaction
		notified(t, handler, "TRANSACTION.SUCCESS", &paid)
		if *paid.OutTradeNo != *number("payment") || *paid.Amount.Total != 100 {
			t.Fatal(paid)
		}
		query := jsapi.QueryOrderByOutTradeNoRequest{OutTradeNo: number("payment"), Mchid: kit.text("mchid")}
		found, _, err := orders.QueryOrderByOutTradeNo(ctx, query)
		must(t, err)
		if *found.TradeState != "SUCCESS" || *found.TransactionId != *paid.TransactionId {
			t.Fatal(found)
		}

		refund, _, err := refunds.Create(ctx, part)
		must(t, err)
		weipay(t, "refund", *refund.RefundId, "--to", "success")
		var refunded refunddomestic.Refund
		notified(t, handler, "REFUND.SUCCESS", &refunded)
		if *refunded.RefundId != *refund.RefundId || *refunded.Amount.Refund != 30 {
			t.Fatal(refunded)
		}
		refund, _, err = refunds.QueryByOutRefundNo(ctx, refunddomestic.QueryByOutRefundNoRequest{OutRefundNo: number("refund")})
		must(t, err)
		if *refund.Status != refunddomestic.STATUS_SUCCESS {
			t.Fatal(refund)
		}
		query.OutTradeNo = number("unknown")
		if _, _, err := orders.QueryOrderByOutTradeNo(ctx, query); !core.IsAPIError(err, "ORDER_NOT_EXIST") {
			t.Fatal(err)
		}
	})
}

const host = "https://api.mch.weixin.qq.com"

// The SDK has no service of bills: its client asks for one, and another, which verifies nothing, downloads it, as its README says.
func TestTheBillOfADayIsDownloaded(t *testing.T) {
	each(t, "bill", func(t *testing.T, kit kit, name string, client *core.Client) {
		ctx := context.Background()
		asked, err := client.Get(ctx, host+"/v3/bill/tradebill?tar_type=GZIP&bill_date="+os.Getenv("BILL_DATE"))
		must(t, err)
		var bill struct {
			Hash string `json:"hash_value"`
			URL  string `json:"download_url"`
		}
		must(t, json.NewDecoder(asked.Response.Body).Decode(&bill))
		key, err := utils.LoadPrivateKeyWithPath(kit.file("merchant_key"))
		must(t, err)
		files, err := core.NewClient(ctx,
			option.WithMerchantCredential(kit.members["mchid"], kit.members["merchant_serial"], key), option.WithoutValidator())
		must(t, err)
		file, err := files.Get(ctx, bill.URL)
		must(t, err)
		unpacked, err := gzip.NewReader(file.Response.Body)
		must(t, err)
		content, err := io.ReadAll(unpacked)
		must(t, err)
		hash := sha1.Sum(content)
		if hex.EncodeToString(hash[:]) != bill.Hash {
			t.Fatal(string(content))
		}
	})
}

// The SDK has no service of today's transfers: its client sends them.
func TestOthersGetAPartOfAPaymentAndATransfer(t *testing.T) {
	each(t, "profit sharing, transfer, transfer notification", func(t *testing.T, kit kit, name string, client *core.Client) {
		ctx, person := context.Background(), kit.text("openid")
		past, _, err := (&jsapi.JsapiApiService{Client: client}).QueryOrderByOutTradeNo(ctx, jsapi.QueryOrderByOutTradeNoRequest{
			OutTradeNo: text("past-" + name), Mchid: kit.text("mchid")})
		must(t, err)
		_, _, err = (&profitsharing.ReceiversApiService{Client: client}).AddReceiver(ctx, profitsharing.AddReceiverRequest{
			Appid: kit.text("appid"), Type: profitsharing.RECEIVERTYPE_PERSONAL_OPENID.Ptr(), Account: person,
			RelationType: profitsharing.RECEIVERRELATIONTYPE_USER.Ptr()})
		must(t, err)
		shares, share := &profitsharing.OrdersApiService{Client: client}, text("go-"+name+"-share")
		_, _, err = shares.CreateOrder(ctx, profitsharing.CreateOrderRequest{
			Appid: kit.text("appid"), TransactionId: past.TransactionId, OutOrderNo: share, UnfreezeUnsplit: core.Bool(true),
			Receivers: []profitsharing.CreateOrderReceiver{{
				Type: text("PERSONAL_OPENID"), Account: person, Amount: core.Int64(10), Description: text("分给一人")}}})
		must(t, err)

		bills, number := host+"/v3/fund-app/mch-transfer/transfer-bills", strings.ReplaceAll("go"+name+"transfer", "-", "")
		type transfer struct {
			ID    string `json:"transfer_bill_no"`
			State string `json:"state"`
		}
		read := func(result *core.APIResult, err error) (transfer transfer) {
			t.Helper()
			must(t, err)
			must(t, json.NewDecoder(result.Response.Body).Decode(&transfer))
			return transfer
		}
		waiting := read(client.Post(ctx, bills, map[string]any{
			"appid": kit.members["appid"], "openid": *person, "out_bill_no": number, "transfer_scene_id": "1000", "transfer_amount": 100,
			"transfer_remark": "测试", "notify_url": receiver.URL, "transfer_scene_report_infos": []map[string]string{
				{"info_type": "活动名称", "info_content": "新会员有礼"}, {"info_type": "奖励说明", "info_content": "注册会员抽奖"}},
		}))
		if waiting.State != "WAIT_USER_CONFIRM" {
			t.Fatal(waiting)
		}
		weipay(t, "transfer", "confirm", waiting.ID)
		weipay(t, "clock", "advance", "5s")
		var done map[string]any
		notified(t, handler(t, kit, strings.ReplaceAll(name, "-", " ")), "MCHTRANSFER.BILL.FINISHED", &done)
		if now := read(client.Get(ctx, bills+"/out-bill-no/"+number)); now.State != "SUCCESS" || done["out_bill_no"] != number {
			t.Fatal(now, done)
		}
		shared, _, err := shares.QueryOrder(ctx, profitsharing.QueryOrderRequest{TransactionId: past.TransactionId, OutOrderNo: share})
		must(t, err)
		if *shared.State != profitsharing.ORDERSTATUS_FINISHED || *shared.Receivers[0].Result != profitsharing.DETAILSTATUS_SUCCESS {
			t.Fatal(shared)
		}
	})
}
