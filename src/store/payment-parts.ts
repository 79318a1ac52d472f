import type { Instant } from "../domain/time.js";
import { plain } from "./plain.js";
import { asked, type PrismaClient } from "./prisma.js";

/** More rows than one payment has in an honest life. */
const ROWS_MAX = 200;

interface PaymentKey {
  id: string;
  account: string;
  livemode: boolean;
  externalId: string;
  createdAt: Instant;
}

/**
 * What hangs on a payment: its objects at the gateway (charges, refunds, disputes and so on), what differs of any of
 * them, and what was told of it; the newest first.
 *
 * @throws Transient when the database was not to be had.
 */
export async function partsOfPayment(prisma: PrismaClient, payment: PaymentKey) {
  const { id, account, livemode, externalId, createdAt } = payment;
  const newestFirst = { orderBy: { id: "desc" }, take: ROWS_MAX } as const;
  const [objects, notices] = await Promise.all([
    asked(
      prisma.ledgerObject.findMany({
        where: { paymentRef: externalId, account, livemode },
        ...newestFirst,
      }),
    ),
    asked(
      prisma.notice.findMany({
        where: {
          createdAt: { gte: new Date(createdAt) }, // has an index; what the notice is about has none
          data: { path: ["paymentId"], equals: id },
        },
        ...newestFirst,
      }),
    ),
  ]);
  const refs = [...new Set([externalId, ...objects.map((object) => object.externalId)])];
  const discrepancies = await asked(
    prisma.discrepancy.findMany({
      where: { externalId: { in: refs }, account, livemode },
      ...newestFirst,
    }),
  );
  return {
    objects: objects.map(plain),
    discrepancies: discrepancies.map(plain),
    notifications: notices.map(plain),
  };
}
