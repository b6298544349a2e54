use super::super::activation::end_stock;
use super::super::coupon::tests::{OPENID, a_coupon};
use super::super::stock::tests::{CREATOR, NOW, a_running_stock};
use super::*;
use crate::ledger::{Purse, sum_of_everything};
use crate::people::Person;
use crate::products::payments::order::{Funds, Order, Payer};
use crate::products::payments::payment::{self, CouponChoice, Means, NotPaid};
use crate::products::testing::world::{Sale, World, merchant, openid};
use crate::store::Store;

fn basket() -> Basket<'static> {
    Basket {
        payee: CREATOR,
        total: 1_000,
        goods_tag: None,
        trade_type: TradeType::Jsapi,
        bank_type: "CMC",
        goods: Vec::new(),
    }
}

fn fits(stock: &Stock, basket: &Basket<'_>, now: i64) -> bool {
    taken_off(stock, &a_coupon(), basket, now).is_some()
}

fn with_rule(name: &str, value: Value) -> Stock {
    let mut stock = a_running_stock();
    stock.members["coupon_use_rule"][name] = value;
    stock
}

#[test]
fn a_coupon_fits_by_amount_merchant_and_time() {
    let stock = a_running_stock();
    assert!(fits(&stock, &basket(), NOW));
    assert!(!fits(&stock, &Basket { total: 999, ..basket() }, NOW));
    assert!(!fits(&stock, &Basket { payee: "1900000999", ..basket() }, NOW));
    assert!(!fits(&stock, &basket(), NOW - 1));
    assert!(!fits(&stock, &basket(), NOW + 3_601));
    let at_night = json!({ "fix_available_time": { "begin_time": 0, "end_time": 100 } });
    assert!(!fits(&with_rule("coupon_available_time", at_night), &basket(), NOW));
}

#[test]
fn a_tag_of_the_stock_must_stand_in_the_order() {
    let stock = with_rule("goods_tag", json!(["WXG"]));
    assert!(!fits(&stock, &basket(), NOW));
    assert!(fits(&stock, &Basket { goods_tag: Some("WXG"), ..basket() }, NOW));
}

#[test]
fn a_stock_may_be_for_some_ways_to_pay_only() {
    let fits = |stock: &Stock, basket: Basket<'_>| fits(stock, &basket, NOW);
    let of_app = with_rule("trade_type", json!(["APPPAY"]));
    assert!(!fits(&of_app, basket()));
    assert!(fits(&of_app, Basket { trade_type: TradeType::App, ..basket() }));
    let scanned = with_rule("trade_type", json!(["CARD", "FACE"]));
    assert!(fits(&scanned, Basket { trade_type: TradeType::Micropay, ..basket() }));
    assert!(!fits(&scanned, Basket { trade_type: TradeType::Native, ..basket() }));
    let of_bank = with_rule("limit_pay", json!(["ICBC_DEBIT", "CMC"]));
    assert!(fits(&of_bank, basket()));
    assert!(!fits(&of_bank, Basket { bank_type: "OTHERS", ..basket() }));
    let of_card = with_rule("limit_card", json!({ "name": "精粹白金", "bin": ["62542688"] }));
    assert!(fits(&of_card, basket()) && !fits(&of_card, Basket { bank_type: "OTHERS", ..basket() }));
}

#[test]
fn a_coupon_for_goods_needs_them_in_the_order() {
    let stock = with_rule("available_items", json!(["tea"]));
    assert!(!fits(&stock, &basket(), NOW), "an order without goods");
    let tea = |quantity| Goods { id: "tea".to_owned(), quantity, price: 500 };
    assert!(!fits(&stock, &Basket { goods: vec![tea(1)], ..basket() }, NOW), "too few");
    let two = Basket { goods: vec![tea(2)], total: 1_200, ..basket() };
    let taken = taken_off(&stock, &a_coupon(), &two, NOW).unwrap();
    let discount = Discount { payee: CREATOR.to_owned(), stock, coupon: a_coupon(), taken };
    let shown = discount.promotion_detail();
    assert_eq!((&shown["scope"], &shown["amount"]), (&json!("SINGLE"), &json!(500)));
    assert_eq!(
        shown["goods_detail"],
        json!([{ "goods_id": "tea", "quantity": 2, "unit_price": 500, "discount_amount": 500 }])
    );
}

#[test]
fn a_coupon_says_who_pays_for_it_as_its_payee_sees_it() {
    let unfunded = Stock { no_cash: true, locked: 0, ..a_running_stock() };
    for (stock, payee, [of_payee, of_others]) in [
        (a_running_stock(), CREATOR, [500, 0]),
        (a_running_stock(), "1900000999", [0, 500]),
        // The sub-merchant of a partner does not get what it takes off.
        (unfunded, "1900000999", [500, 0]),
    ] {
        let taken = taken_off(&stock, &a_coupon(), &basket(), NOW).unwrap();
        let discount = Discount { payee: payee.to_owned(), stock, coupon: a_coupon(), taken };
        let shown = discount.promotion_detail();
        let paid_by =
            ["wechatpay_contribute", "merchant_contribute", "other_contribute"].map(|name| &shown[name]);
        assert_eq!(paid_by, [&json!(0), &json!(of_payee), &json!(of_others)], "{payee}");
    }
}

#[test]
fn a_used_coupon_has_moved_money_of_the_budget_and_is_not_found_again() {
    let store = Store::in_memory();
    let done: Result<(), HandlerError> = store.transaction(|tx| {
        let creator = Owner::merchant(CREATOR);
        let budget = Posting::new(Business::TopUp, "1", NOW).moves(
            creator.account(AccountKind::Bank),
            creator.account(AccountKind::Marketing),
            5_000,
        );
        post(tx, budget).unwrap();
        tx.save(&a_running_stock())?;
        tx.save(&a_coupon())?;
        let except = [a_coupon().id];
        assert_eq!(best(tx, &[OPENID.to_owned()], &basket(), &except, NOW)?, None);
        let discount = best(tx, &[OPENID.to_owned()], &basket(), &[], NOW)?.unwrap();
        assert_eq!((discount.amount(), discount.is_funded()), (500, true));
        assert_eq!(discount.promotion_detail()["coupon_id"], a_coupon().id);
        let order = FlowOf {
            transaction_id: "4200",
            refund_id: None,
            total: 1_000,
            mchid: CREATOR,
            device: None,
            now: NOW,
        };
        redeem(tx, &discount, AccountKind::Unsettled, order)?;
        assert_eq!(best(tx, &[OPENID.to_owned()], &basket(), &[], NOW)?, None);
        let purse = Purse::find(tx, &creator)?;
        let balances = [AccountKind::Marketing, AccountKind::Unsettled].map(|kind| purse.balance(kind));
        assert_eq!((balances, sum_of_everything(tx)?), ([4_500, 500], 0));
        assert_eq!(stock::find(tx, &a_running_stock().id)?.unwrap().locked, 4_500);
        assert!(!give_back(tx, &a_coupon().id, "another")?);
        assert!(give_back(tx, &a_coupon().id, "4200")?);
        assert!(best(tx, &[OPENID.to_owned()], &basket(), &[], NOW)?.is_some());
        Ok(())
    });
    done.unwrap();
}

/// A merchant whose coupon takes so much off, with the money for it, and an order.
fn an_order_and_a_coupon(total: i64, coupon_amount: i64) -> World<'static> {
    let mut world = World::new();
    world.now = NOW;
    let creator = Owner::merchant(CREATOR);
    world.move_by_bank(&creator, AccountKind::Marketing, coupon_amount);
    let stock =
        Stock { coupon_amount, transaction_minimum: total, locked: coupon_amount, ..a_running_stock() };
    let saved: Result<(), StoreError> = world.act(|tx| {
        tx.save(&stock)?;
        tx.save(&a_coupon())
    });
    saved.unwrap();
    let sale = Sale { sub_mchid: None, number: "order-1", fen: total, is_shared: false, person: 0 };
    world.make_order(&merchant(CREATOR, &[]), &sale).unwrap();
    world
}

fn means(funds: Funds) -> Means {
    let payer = Payer { openid: Some(OPENID.to_owned()), sub_openid: None };
    Means { payer, person: Owner::person(OPENID), funds, discount: 0, coupon: CouponChoice::Best }
}

#[test]
fn an_order_is_paid_although_its_coupon_leaves_less_to_pay_than_the_fee() {
    let world = an_order_and_a_coupon(100_000, 99_999);
    let paid: Result<Order, NotPaid> = world.act(|tx| {
        let order = Order::find_by_number(tx, CREATOR, "order-1")?.unwrap();
        payment::pay(tx, order, &means(Funds::Card), NOW)
    });
    assert_eq!(paid.unwrap().payment.unwrap().payer_total, 1);
    let kinds = [AccountKind::Unsettled, AccountKind::Fees, AccountKind::Marketing];
    assert_eq!((world.balances(CREATOR, kinds), world.sum()), ([99_400, 600, 0], 0));
}

#[test]
fn a_wallet_with_too_little_leaves_the_coupon_for_another_way_to_pay() {
    let world = an_order_and_a_coupon(1_000, 500);
    let paid: Result<Order, NotPaid> = world.act(|tx| {
        let order = Order::find_by_number(tx, CREATOR, "order-1")?.unwrap();
        let refused = payment::pay(tx, order.clone(), &means(Funds::Wallet), NOW);
        assert!(matches!(refused, Err(NotPaid::NotEnough)));
        payment::pay(tx, order, &means(Funds::Card), NOW)
    });
    assert_eq!(paid.unwrap().payment.unwrap().payer_total, 500);
    assert_eq!((world.balances(CREATOR, [AccountKind::Marketing]), world.sum()), ([0], 0));
}

#[test]
fn a_stock_whose_money_went_back_spends_nothing() {
    let done: Result<(), HandlerError> = Store::in_memory().transaction(|tx| {
        let creator = Owner::merchant(CREATOR);
        let (bank, budget) = (creator.account(AccountKind::Bank), creator.account(AccountKind::Marketing));
        post(tx, Posting::new(Business::TopUp, "1", NOW).moves(bank, budget.clone(), 10_000)).unwrap();
        let (ended, other) = (a_running_stock(), Stock { id: "15000002".to_owned(), ..a_running_stock() });
        let unfunded = Stock { id: "15000003".to_owned(), no_cash: true, locked: 0, ..a_running_stock() };
        [&ended, &other, &unfunded].into_iter().try_for_each(|stock| tx.save(stock))?;
        tx.save(&a_coupon())?;
        [&ended, &unfunded].into_iter().try_for_each(|stock| end_stock(tx, &stock.id, NOW + 3_601))?;

        assert_eq!(best(tx, &[OPENID.to_owned()], &basket(), &[], NOW)?, None, "the clock is back");
        assert_eq!(chosen(tx, &a_coupon().id, &[OPENID.to_owned()], &basket(), NOW)?, None);
        let available = creator.account(AccountKind::Available);
        let receiver = return_to_budget(tx, &a_coupon().id, 500, NOW)?;
        assert_eq!(receiver, Some(available), "of a refund: where the rest of the budget went");
        assert_eq!(stock::find(tx, &ended.id)?.unwrap().locked, 0);
        let unfunded = stock::find(tx, &unfunded.id)?.unwrap();
        assert!(fits(&unfunded, &basket(), NOW), "it never had money");

        end_stock(tx, &other.id, NOW + 3_601)?;
        let purse = Purse::find(tx, &creator)?;
        let balances = [AccountKind::Marketing, AccountKind::Available].map(|kind| purse.balance(kind));
        assert_eq!((balances, sum_of_everything(tx)?), ([0, 10_000], 0));
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_coupon_that_takes_more_off_than_is_locked_does_not_fit() {
    for (locked, does_fit) in [(-500, false), (0, false), (499, false), (500, true)] {
        assert_eq!(fits(&Stock { locked, ..a_running_stock() }, &basket(), NOW), does_fit, "{locked}");
    }
}

#[test]
fn a_coupon_is_not_hidden_by_newer_ones_that_do_not_fit() {
    let done: Result<(), HandlerError> = Store::in_memory().transaction(|tx| {
        tx.save(&a_running_stock())?;
        let elsewhere = with_rule("available_merchants", json!(["1900000999"]));
        let elsewhere = Stock { id: "15000002".to_owned(), ..elsewhere };
        tx.save(&elsewhere)?;
        tx.save(&a_coupon())?;
        let used = Use {
            time: NOW,
            mchid: CREATOR.to_owned(),
            transaction_id: "4200".to_owned(),
            fen: 500,
            goods: Vec::new(),
        };
        for number in 1..=300 {
            let another = |series: i64| Coupon { id: format!("{}", series + number), ..a_coupon() };
            tx.save(&Coupon { used: Some(used.clone()), ..another(9_000_001_000) })?;
            tx.save(&Coupon { begin: NOW - 9, end: NOW - 1, ..another(9_000_002_000) })?;
            tx.save(&Coupon { stock_id: elsewhere.id.clone(), ..another(9_000_003_000) })?;
        }
        let found = best(tx, &[OPENID.to_owned()], &basket(), &[], NOW)?.unwrap();
        assert_eq!(found.coupon_id(), a_coupon().id);
        Ok(())
    });
    done.unwrap();
}

#[test]
fn among_equal_coupons_the_one_that_ends_first_is_best() {
    let done: Result<(), HandlerError> = Store::in_memory().transaction(|tx| {
        tx.save(&a_running_stock())?;
        for (number, end) in [(1, NOW + 70), (2, NOW + 60), (3, NOW + 60), (4, NOW + 80)] {
            tx.save(&Coupon { id: number.to_string(), end, ..a_coupon() })?;
        }
        let best = |now: i64| {
            Ok::<_, StoreError>(best(tx, &[OPENID.to_owned()], &basket(), &[], now)?.unwrap().coupon.id)
        };
        assert_eq!([best(NOW + 60)?, best(NOW + 61)?, best(NOW + 71)?], ["3", "1", "4"]);
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_coupon_is_found_under_another_openid_of_the_person() {
    const OTHER: &str = "1900000200";
    let mut world = World::new();
    world.now = NOW;
    let openids = [("wxcreator".to_owned(), OPENID.to_owned()), ("wxother".to_owned(), openid(7))];
    let person = Person { unionid: openid(8), openids: openids.into_iter().collect() };
    let stock = with_rule("available_merchants", json!([OTHER]));
    world.move_by_bank(&Owner::merchant(CREATOR), AccountKind::Marketing, 5_000);
    let saved: Result<(), StoreError> = world.act(|tx| {
        tx.save(&person)?;
        tx.save(&stock)?;
        tx.save(&a_coupon())
    });
    saved.unwrap();
    for (number, choice) in [("order-1", None), ("order-2", Some(a_coupon().id))] {
        let sale = Sale { sub_mchid: None, number, fen: 1_000, is_shared: false, person: 0 };
        world.make_order(&merchant(OTHER, &[]), &sale).unwrap();
        let paid: Result<i64, NotPaid> = world.act(|tx| {
            let order = Order::find_by_number(tx, OTHER, number)?.unwrap();
            let payer = Payer { openid: Some(openid(7)), sub_openid: None };
            let coupon = choice.clone().map_or(CouponChoice::Best, CouponChoice::Number);
            let paid = payment::pay(tx, order, &Means { payer, coupon, ..means(Funds::Card) }, NOW)?;
            let payment = paid.payment.unwrap();
            assert!(give_back(tx, &a_coupon().id, &payment.transaction_id)?);
            Ok(payment.payer_total)
        });
        assert_eq!(paid.unwrap(), 500, "{number}");
    }
    assert_eq!(world.sum(), 0);
}
