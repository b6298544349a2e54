//! Files of examples, of the operations whose files no product has. A test compares both tables
//! with the catalogue, which does not say what a file is.

use weipay_catalog::Operation;

use super::document::Document::{self, Bill, Page, Picture};

const BILLS: &str = "v3/billdownload/file";
const INVOICES: &str = "v3/new-tax-control-fapiao/download";

/// The path of an operation whose response has an address; that of the operation which it leads to, and the file there.
#[rustfmt::skip]
const LINKS: &[(&str, &str, Document)] = &[
    ("v3/bank-batch-transfer/receipt/detail-receipts", BILLS, Page),
    ("v3/bank-batch-transfer/receipt/summary-receipts", BILLS, Page),
    ("v3/fund-app/mch-transfer/partner/budget/{out_budget_no}/electronic-receipts", BILLS, Page),
    ("v3/funds-to-oversea/bill-download-url", BILLS, Bill),
    ("v3/global/profit-sharing/bill-download-url", BILLS, Bill),
    ("v3/global/profit-sharing/refunds/bill-download-url", BILLS, Bill),
    ("v3/merchant/fund/withdraw/bill-type/{bill_type}", BILLS, Bill),
    ("v3/multiuse/stocks/{stock_id}/refund-flow", BILLS, Bill),
    ("v3/multiuse/stocks/{stock_id}/send-flow", BILLS, Bill),
    ("v3/multiuse/stocks/{stock_id}/use-flow", BILLS, Bill),
    ("v3/new-tax-control-fapiao/fapiao-applications/{fapiao_apply_id}/fapiao-files", INVOICES, Page),
    ("v3/payscore/merchant-bill", BILLS, Bill),
    ("v3/platsolution/insurance/mch-transfer/batches/detail-receipts/out-batch-no/{out_batch_no}/out-detail-no/{out_detail_no}", BILLS, Page),
    ("v3/platsolution/insurance/mch-transfer/batches/summary-receipts/out-batch-no/{out_batch_no}", BILLS, Page),
    ("v3/platsolution/mch-transfer/batches/detail-receipts/out-batch-no/{out_batch_no}/out-detail-no/{out_detail_no}", BILLS, Page),
    ("v3/platsolution/mch-transfer/batches/summary-receipts/out-batch-no/{out_batch_no}", BILLS, Page),
    ("v3/webizpay/bill/proof", BILLS, Page),
    ("v3/webizpay/bill/trade-bill", BILLS, Bill),
];

/// The path of an operation that responds with a file, and the file where no token of the sandbox says which.
const FILES: &[(&str, Document)] = &[
    ("v2/billcommentsp/batchquerycomment", Bill),
    ("v3/global/merchant-service/images/{media_id}", Picture),
    ("v3/global/statements", Bill),
    (INVOICES, Page),
    ("v3/statements", Bill),
];

/// Where the address of a response leads, and to what.
pub(super) fn linked_by(operation: &Operation) -> (&'static str, Document) {
    let known = LINKS.iter().find(|(path, ..)| *path == operation.path);
    known.map_or((BILLS, Bill), |(_, download, document)| (download, *document))
}

/// The file of an operation.
pub(super) fn downloaded_by(operation: &Operation) -> Document {
    let known = FILES.iter().find(|(path, _)| *path == operation.path);
    known.map_or(Bill, |(_, document)| *document)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use weipay_catalog::{Catalog, Field, Purpose};

    use super::*;
    use crate::products::Behaviour;

    fn has_address(fields: &[Field]) -> bool {
        let is_address = |field: &Field| field.purpose == Some(Purpose::DownloadUrl);
        fields.iter().any(|field| is_address(field) || has_address(&field.fields))
    }

    /// The paths of the operations without behaviour that are of this kind.
    fn paths(is_meant: impl Fn(&Operation) -> bool) -> BTreeSet<&'static str> {
        let operations = Catalog::embedded().operations().filter(|operation| is_meant(operation));
        let without = operations.filter(|one| Behaviour::from_operation(one) == Behaviour::Example);
        without.map(|operation| operation.path).collect()
    }

    #[test]
    fn every_address_of_an_example_has_a_line() {
        let listed = LINKS.iter().map(|(path, ..)| *path).collect();
        assert_eq!(paths(|operation| has_address(&operation.response)), listed);
        for (path, download, _) in LINKS {
            let download = Catalog::embedded().find("GET", download).unwrap();
            assert!(download.has_file_response && download.unsigned, "{path}");
        }
    }

    #[test]
    fn every_file_of_an_example_has_a_line() {
        let listed = FILES.iter().map(|(path, _)| *path).collect();
        assert_eq!(paths(|operation| operation.has_file_response), listed);
    }
}
