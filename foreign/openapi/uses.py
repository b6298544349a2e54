"""What a user of the generated models writes: requests are checked, answers with new values are read."""

import models
from pydantic import ValidationError

amount = {"refund": 1, "total": 100, "currency": "CNY"}
refund = models.PostRefundDomesticRefundsRequest(out_refund_no="refund-1", amount=amount)
assert refund.model_dump(exclude_none=True) == {"out_refund_no": "refund-1", "amount": amount}

for wrong, field in [
    ({"amount": amount}, "out_refund_no"),
    ({"out_refund_no": "white space", "amount": amount}, "out_refund_no"),
    ({"out_refund_no": "x" * 65, "amount": amount}, "out_refund_no"),
    ({"out_refund_no": "refund-1", "amount": {**amount, "refund": 0}}, "amount"),
]:
    try:
        models.PostRefundDomesticRefundsRequest.model_validate(wrong)
    except ValidationError as error:
        assert [problem["loc"][0] for problem in error.errors()] == [field], error
    else:
        raise AssertionError(f"taken: {wrong}")

# Listed values are open, and so are objects: what the platform adds next year is no error.
resource = models.RefundSuccessResource.model_validate(
    {
        "out_trade_no": "order-1",
        "transaction_id": "1217752501201407033233368018",
        "out_refund_no": "refund-1",
        "refund_id": "50000000382019052709732678859",
        "refund_status": "A_VALUE_OF_NEXT_YEAR",
        "success_time": "2018-06-08T10:34:56+08:00",
        "user_received_account": "零钱",
        "amount": {"total": 100, "refund": 1, "payer_total": 100, "payer_refund": 1},
        "a_field_of_next_year": True,
    }
)
assert resource.refund_status == "A_VALUE_OF_NEXT_YEAR"
assert resource.success_time.isoformat() == "2018-06-08T10:34:56+08:00"
print("models of Python take what they should, and refuse what they should")
