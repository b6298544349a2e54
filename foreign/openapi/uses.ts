// What a user of the generated models writes. It compiles, and what must not compile does not.
import type { components, operations, paths, webhooks } from './models';

type Refund = paths['/v3/refund/domestic/refunds']['post']['requestBody']['content']['application/json'];

export const refund: Refund = { out_refund_no: 'refund-1', amount: { refund: 1, total: 100, currency: 'CNY' } };

// @ts-expect-error: out_refund_no is required (必填).
export const nameless: Refund = { amount: { refund: 1, total: 100, currency: 'CNY' } };

// @ts-expect-error: money is a number of fen (分).
export const inYuan: Refund = { out_refund_no: 'refund-1', amount: { refund: '0.01', total: 100, currency: 'CNY' } };

// Listed values are open: one that no page knows yet is no mistake.
export const fromSomewhere: Refund = { ...refund, funds_account: 'A_VALUE_OF_NEXT_YEAR' };

export const stock: operations['getMarketingBusifavorStocksByStockId']['parameters']['path'] = { stock_id: '98065001' };

export function refunded(posted: webhooks['REFUND.SUCCESS']['post']['requestBody']['content']['application/json']): string {
  return posted.resource.ciphertext;
}

export function opened(resource: components['schemas']['RefundSuccessResource']): number {
  return resource.amount.refund;
}

// Shared objects are one type.
export const promotions: components['schemas']['RefundPromotionDetail'][] | undefined =
  ({} as components['schemas']['PostRefundDomesticRefundsResponse']).promotion_detail;
