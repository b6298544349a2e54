// Payments: an order is made and paid, notifications are parsed by gopay's own functions, money is given back, shared and transferred.
package foreign

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-pay/gopay"
	v2 "github.com/go-pay/gopay/wechat"
	"github.com/go-pay/gopay/wechat/v3"
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

func (came notification) request(body []byte) *http.Request {
	request := httptest.NewRequest(http.MethodPost, "/notify", bytes.NewReader(body))
	request.Header = came.header
	return request
}

var notifications = make(chan notification, 8)

var receiver = httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	// Notifications of APIv2 are acknowledged by XML; for those of APIv3 the status counts.
	_, _ = response.Write([]byte("<xml><return_code>SUCCESS</return_code></xml>"))
	notifications <- notification{request.Header, body}
}))

func next(t *testing.T) notification {
	t.Helper()
	select {
	case came := <-notifications:
		return came
	case <-time.After(30 * time.Second):
		t.Fatal("no notification came")
		panic("unreachable")
	}
}

// notified parses the next notification. Without keys gopay can only decrypt it.
func notified(t *testing.T, client *wechat.ClientV3, keys, event string) *wechat.V3NotifyReq {
	t.Helper()
	came := next(t)
	parsed, err := wechat.V3ParseNotify(came.request(came.body))
	must(t, err)
	if parsed.EventType != event {
		t.Fatal("another event: " + parsed.EventType)
	}
	if keys != "none" {
		must(t, parsed.VerifySignByPKMap(client.WxPublicKeyMap()))
		changed, err := wechat.V3ParseNotify(came.request(append(came.body, ' ')))
		must(t, err)
		if changed.VerifySignByPKMap(client.WxPublicKeyMap()) == nil {
			t.Fatal("a notification that was changed was believed")
		}
	}
	return parsed
}

// verified says which notification steps were done: only with keys is a notification verified.
func verified(kit kit, keys string, steps ...string) {
	for _, fit := range fitting {
		if keys != "none" && strings.ReplaceAll(fit[1], " ", "-") == keys && kitPath(fit[0]) == kit.path {
			for _, step := range steps {
				fmt.Printf("did: %s | %s | %s\n", fit[0], fit[1], step)
			}
		}
	}
}

func TestAnOrderIsPaidAndAPartIsGivenBack(t *testing.T) {
	each(t, "payment, refund, unknown order", func(t *testing.T, kit kit, keys string, client *wechat.ClientV3) {
		number := func(step string) string { return "gopay-" + keys + "-" + step }
		order, err := client.V3TransactionJsapi(ctx, make(gopay.BodyMap).Set("appid", kit.members["appid"]).Set("description", "测试").
			Set("out_trade_no", number("payment")).Set("notify_url", receiver.URL).
			SetBodyMap("amount", func(bm gopay.BodyMap) { bm.Set("total", 100).Set("currency", "CNY") }).
			SetBodyMap("payer", func(bm gopay.BodyMap) { bm.Set("openid", kit.members["openid"]) }))
		must(t, err)
		done(t, order.Code, order.Error)
		part := make(gopay.BodyMap).Set("out_trade_no", number("payment")).Set("out_refund_no", number("refund")).
			Set("notify_url", receiver.URL).
			SetBodyMap("amount", func(bm gopay.BodyMap) { bm.Set("refund", 30).Set("total", 100).Set("currency", "CNY") })
		early, err := client.V3Refund(ctx, part)
		must(t, err)
		if early.Code/100 != 4 {
			t.Fatal("what nobody has paid was given back", early.Code, early.Error)
		}
		signed, err := client.PaySignOfJSAPI(kit.members["appid"], order.Response.PrepayId)
		must(t, err)
		front, err := json.Marshal(signed)
		must(t, err)
		weipay(t, "pay", "--front-end", string(front))
		paid, err := notified(t, client, keys, "TRANSACTION.SUCCESS").DecryptPayCipherText(kit.members["api_v3_key"])
		must(t, err)
		if paid.OutTradeNo != number("payment") || paid.Amount.Total != 100 {
			t.Fatal(paid)
		}
		found, err := client.V3TransactionQueryOrder(ctx, wechat.OutTradeNo, number("payment"))
		must(t, err)
		done(t, found.Code, found.Error)
		if found.Response.TradeState != "SUCCESS" || found.Response.TransactionId != paid.TransactionId {
			t.Fatal(found.SignInfo.SignBody)
		}

		refund, err := client.V3Refund(ctx, part)
		must(t, err)
		done(t, refund.Code, refund.Error)
		weipay(t, "refund", refund.Response.RefundId, "--to", "success")
		refunded, err := notified(t, client, keys, "REFUND.SUCCESS").DecryptRefundCipherText(kit.members["api_v3_key"])
		must(t, err)
		if refunded.RefundId != refund.Response.RefundId || refunded.Amount.Refund != 30 {
			t.Fatal(refunded)
		}
		given, err := client.V3RefundQuery(ctx, number("refund"), nil)
		must(t, err)
		done(t, given.Code, given.Error)
		if given.Response.Status != "SUCCESS" {
			t.Fatal(given.SignInfo.SignBody)
		}
		unknown, err := client.V3TransactionQueryOrder(ctx, wechat.OutTradeNo, number("unknown"))
		must(t, err)
		if unknown.Code != 404 || unknown.ErrResponse.Code != "ORDER_NOT_EXIST" {
			t.Fatal(unknown.Code, unknown.Error)
		}
		verified(kit, keys, "payment notification", "refund notification")
	})
}

func TestTheBillOfADayIsDownloaded(t *testing.T) {
	each(t, "bill", func(t *testing.T, kit kit, keys string, client *wechat.ClientV3) {
		asked, err := client.V3BillTradeBill(ctx, make(gopay.BodyMap).Set("bill_date", os.Getenv("BILL_DATE")).Set("tar_type", "GZIP"))
		must(t, err)
		done(t, asked.Code, asked.Error)
		// Its function takes only addresses that end in .com, of which it uses the path.
		url := strings.Replace(asked.Response.DownloadUrl, kit.members["base_url"], "https://api.mch.weixin.qq.com", 1)
		packed, err := client.V3BillDownLoadBill(ctx, url)
		must(t, err)
		unpacked, err := gzip.NewReader(bytes.NewReader(packed))
		must(t, err)
		bill, err := io.ReadAll(unpacked)
		must(t, err)
		hash := sha1.Sum(bill)
		if hex.EncodeToString(hash[:]) != asked.Response.HashValue {
			t.Fatal(string(bill))
		}
	})
}

func TestOthersGetAPartOfAPaymentAndATransfer(t *testing.T) {
	each(t, "profit sharing, transfer", func(t *testing.T, kit kit, keys string, client *wechat.ClientV3) {
		appid, person := kit.members["appid"], kit.members["openid"]
		past, err := client.V3TransactionQueryOrder(ctx, wechat.OutTradeNo, "past-"+keys)
		must(t, err)
		done(t, past.Code, past.Error)
		added, err := client.V3ProfitShareAddReceiver(ctx, make(gopay.BodyMap).Set("appid", appid).
			Set("type", "PERSONAL_OPENID").Set("account", person).Set("relation_type", "USER"))
		must(t, err)
		done(t, added.Code, added.Error)
		share := "gopay-" + keys + "-share"
		asked, err := client.V3ProfitShareOrder(ctx, make(gopay.BodyMap).Set("appid", appid).Set("out_order_no", share).
			Set("transaction_id", past.Response.TransactionId).Set("unfreeze_unsplit", true).
			Set("receivers", []gopay.BodyMap{make(gopay.BodyMap).
				Set("type", "PERSONAL_OPENID").Set("account", person).Set("amount", 10).Set("description", "分给一人")}))
		must(t, err)
		done(t, asked.Code, asked.Error)

		number := strings.ReplaceAll("gopay"+keys+"transfer", "-", "")
		transfer, err := client.V3TransferBills(ctx, make(gopay.BodyMap).Set("appid", appid).Set("openid", person).
			Set("out_bill_no", number).Set("transfer_scene_id", "1000").Set("transfer_amount", 100).Set("transfer_remark", "测试").
			Set("notify_url", receiver.URL).Set("transfer_scene_report_infos", []gopay.BodyMap{
			make(gopay.BodyMap).Set("info_type", "活动名称").Set("info_content", "新会员有礼"),
			make(gopay.BodyMap).Set("info_type", "奖励说明").Set("info_content", "注册会员抽奖"),
		}))
		must(t, err)
		done(t, transfer.Code, transfer.Error)
		weipay(t, "transfer", "confirm", transfer.Response.TransferBillNo)
		weipay(t, "clock", "advance", "5s")
		finished, err := notified(t, client, keys, "MCHTRANSFER.BILL.FINISHED").
			DecryptTransferBillsNotifyCipherText(kit.members["api_v3_key"])
		must(t, err)
		found, err := client.V3TransferBillsMerchantQuery(ctx, number)
		must(t, err)
		done(t, found.Code, found.Error)
		if finished.OutBillNo != number || finished.State != "SUCCESS" || found.Response.State != "SUCCESS" {
			t.Fatal(finished, found.SignInfo.SignBody)
		}
		shared, err := client.V3ProfitShareOrderQuery(ctx, share, make(gopay.BodyMap).Set("transaction_id", past.Response.TransactionId))
		must(t, err)
		done(t, shared.Code, shared.Error)
		if shared.Response.State != "FINISHED" || shared.Response.Receivers[0].Result != "SUCCESS" {
			t.Fatal(shared.SignInfo.SignBody)
		}
		verified(kit, keys, "transfer notification")
	})
}

// older is the client of APIv2; what moves money back shows the merchant's certificate.
func (kit kit) older(t *testing.T) *v2.Client {
	client := v2.NewClient(kit.members["appid"], kit.members["mchid"], kit.members["api_v2_key"], true)
	if os.Getenv("WAY") == "base-url" {
		client.SetProxyUrl(kit.members["base_url"])
	}
	must(t, client.AddCertPemFileContent(kit.pem(t, "merchant_cert"), kit.pem(t, "merchant_key")))
	return client
}

// signed checks a response or notification of APIv2 with the client's own function.
func (kit kit) signed(t *testing.T, came gopay.BodyMap) {
	t.Helper()
	if ok, err := v2.VerifySign(kit.members["api_v2_key"], v2.SignType_MD5, came); err != nil || !ok {
		t.Fatal("its VerifySign refused it", err, came)
	}
}

// v2Steps are done with each of the keys, which have no part in APIv2: the same orders are seen by APIv3.
const v2Steps = "APIv2 order, APIv2 payment notification, APIv2 refund, APIv2 refund notification, APIv2 close"

func TestAnOrderOfAPIv2IsPaidGivenBackAndSeenByAPIv3(t *testing.T) {
	each(t, v2Steps, func(t *testing.T, kit kit, keys string, client *wechat.ClientV3) {
		older := kit.older(t)
		number := "gopay-" + keys + "-v2"
		of := func(number string) gopay.BodyMap {
			return make(gopay.BodyMap).Set("nonce_str", "nonce").Set("out_trade_no", number)
		}
		place := func(number string) {
			t.Helper()
			order, err := older.UnifiedOrder(ctx, of(number).Set("body", "测试").Set("total_fee", 100).
				Set("spbill_create_ip", "127.0.0.1").Set("notify_url", receiver.URL).Set("trade_type", v2.TradeType_Native))
			must(t, err)
			if order.ResultCode != "SUCCESS" || order.CodeUrl == "" {
				t.Fatal(order)
			}
		}
		place(number)
		weipay(t, "pay", number, "--mchid", kit.members["mchid"])
		came := next(t)
		paid, err := v2.ParseNotifyToBodyMap(came.request(came.body))
		must(t, err)
		kit.signed(t, paid)
		if paid.GetString("out_trade_no") != number || paid.GetString("total_fee") != "100" {
			t.Fatal(paid)
		}
		changed := bytes.Replace(came.body, []byte("</xml>"), []byte("<attach>forged</attach></xml>"), 1)
		forged, err := v2.ParseNotifyToBodyMap(came.request(changed))
		must(t, err)
		if ok, _ := v2.VerifySign(kit.members["api_v2_key"], v2.SignType_MD5, forged); ok {
			t.Fatal("a notification that was changed was believed")
		}
		found, elements, err := older.QueryOrder(ctx, of(number))
		must(t, err)
		kit.signed(t, elements)
		seen, err := client.V3TransactionQueryOrder(ctx, wechat.OutTradeNo, number)
		must(t, err)
		done(t, seen.Code, seen.Error)
		if found.TradeState != "SUCCESS" || seen.Response.TradeState != "SUCCESS" {
			t.Fatal(found, seen.SignInfo.SignBody)
		}

		refund, elements, err := older.Refund(ctx, of(number).Set("out_refund_no", number+"-refund").
			Set("total_fee", 100).Set("refund_fee", 30).Set("notify_url", receiver.URL))
		must(t, err)
		kit.signed(t, elements)
		if refund.ResultCode != "SUCCESS" {
			t.Fatal(elements)
		}
		weipay(t, "refund", refund.RefundId, "--to", "success")
		came = next(t)
		sealed, err := v2.ParseRefundNotify(came.request(came.body))
		must(t, err)
		refunded, err := v2.DecryptRefundNotifyReqInfo(sealed.ReqInfo, kit.members["api_v2_key"])
		must(t, err)
		if refunded.RefundId != refund.RefundId || refunded.RefundFee != "30" || refunded.RefundStatus != "SUCCESS" {
			t.Fatal(refunded)
		}
		_, elements, err = older.QueryRefund(ctx, make(gopay.BodyMap).Set("nonce_str", "nonce").
			Set("out_refund_no", number+"-refund"))
		must(t, err)
		kit.signed(t, elements)
		if elements.GetString("refund_status_0") != "SUCCESS" || elements.GetString("refund_fee_0") != "30" {
			t.Fatal(elements)
		}

		place(number + "-closed")
		closed, err := older.CloseOrder(ctx, of(number+"-closed"))
		must(t, err)
		if closed.ResultCode != "SUCCESS" {
			t.Fatal(closed)
		}
	})
}

func TestTheBillOfADayIsDownloadedByAPIv2(t *testing.T) {
	each(t, "APIv2 bill", func(t *testing.T, kit kit, keys string, _ *wechat.ClientV3) {
		bill, err := kit.older(t).DownloadBill(ctx, make(gopay.BodyMap).Set("nonce_str", "nonce").
			Set("bill_date", strings.ReplaceAll(os.Getenv("BILL_DATE"), "-", "")).Set("bill_type", "ALL"))
		must(t, err)
		if !strings.Contains(bill, "`past-"+keys+",") {
			t.Fatal(bill)
		}
	})
}
