/** What happens when a payment method is charged, and later refunded. */
export interface Behaviour {
  charge: "succeeds" | "declines" | "needs_action" | "takes_days";
  /** Of a decline: error code, decline code and the text for the shopper. */
  decline?: { code: string; declineCode: string; message: string };
  refund: "succeeds" | "pends";
}
