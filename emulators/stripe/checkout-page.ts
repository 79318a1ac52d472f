import { escapeHtml, htmlPage } from "../recorder/page.js";
import type { Kit } from "../recorder/vendor.js";
import { StripeFailure } from "./errors.js";
import type { Realms } from "./realms.js";
import { completeSession, sessionNamed } from "./resources/checkout-sessions.js";
import type { World } from "./world.js";

const METHODS: [id: string, label: string][] = [
  ["pm_card_visa", "Visa 4242, succeeds"],
  ["pm_card_chargeDeclined", "Visa 0002, declined"],
  ["pm_card_chargeDeclinedInsufficientFunds", "Visa, insufficient funds"],
  ["pm_usBankAccount_success", "Bank account, pays later"],
];

/** The hosted page that a session's `url` leads to, for a person trying things out; `sent` runs once its changes are stored. */
export function mountCheckoutPage(kit: Kit, realms: Realms, sent: () => void): void {
  const { app, store } = kit;
  const holderOf = (id: string): World =>
    realms.all().find(({ tables }) => tables.sessions.get(id) !== undefined) ?? realms.primary;
  app.get("/c/pay/:id", (c) => {
    const id = c.req.param("id");
    return c.html(page(holderOf(id), id, ""));
  });
  app.post("/c/pay/:id", async (c) => {
    const form = new URLSearchParams(await c.req.text());
    const id = c.req.param("id");
    const world = holderOf(id);
    try {
      const session = completeSession(world, id, {
        email: form.get("email") || undefined,
        name: form.get("name") || undefined,
        paymentMethod: form.get("payment_method") || undefined,
      });
      store.commit();
      sent();
      if (session.status === "open")
        return c.html(page(world, id, "The payment was declined."), 402);
      const next = session.success_url?.replace("{CHECKOUT_SESSION_ID}", id);
      return next === undefined ? c.html(page(world, id, "Done.")) : c.redirect(next, 303);
    } catch (error) {
      if (!(error instanceof StripeFailure)) throw error;
      return c.html(page(world, id, error.message), 400);
    }
  });
}

function page(world: World, id: string, message: string): string {
  const session = sessionNamed(world, id);
  const items = world.tables.carts.get(id)?.items ?? [];
  const lines = items
    .map((i) => `<li>${escapeHtml(i.description ?? "")} × ${i.quantity}</li>`)
    .join("");
  const options = METHODS.map(
    ([value, label]) => `<option value="${value}">${escapeHtml(label)}</option>`,
  );
  const form = `<form method="post">
<label>Email <input name="email" type="email" required value="${escapeHtml(session.customer_email ?? "")}"></label>
<label>Name <input name="name"></label>
<label>Pay with <select name="payment_method">${options.join("")}</select></label>
<button>Pay</button></form>`;
  const state = `<p>This checkout session is ${escapeHtml(session.status ?? "")} (${session.payment_status}).</p>`;
  return htmlPage(
    "Checkout (emulated)",
    `<p><strong>${escapeHtml(message)}</strong></p><ul>${lines}</ul>
<p>Total: ${session.amount_total} ${escapeHtml(session.currency ?? "")} (smallest unit)</p>
${session.status === "open" ? form : state}`,
  );
}
