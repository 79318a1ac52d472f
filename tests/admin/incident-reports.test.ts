import { afterAll, beforeAll, expect, it } from "vitest";
import { type AdminWorld, adminWorld } from "./world.js";

let world: AdminWorld;
beforeAll(async () => {
  world = await adminWorld();
});
afterAll(async () => {
  await world.close();
});

it("an incident is written up from what is kept of it, in English or Thai", async () => {
  await world.deliver({ source: "better-stack", sample: "incident-started" });
  type List = { data: { id: string; title: string }[] };
  const [incident] = (await world.json<List>("/api/admin/incidents")).data;
  const path = `/api/admin/incidents/${incident?.id}`;
  type Document = { data: { markdown: string; locale: string } };
  const notice = await world.json<Document>(`${path}/notice`);
  expect(notice.data.locale).toBe("en");
  expect(notice.data.markdown).toContain(`# Incident notice ${incident?.id}: ${incident?.title}`);
  expect(notice.data.markdown).toContain("1 alert, 1 signal.");
  const review = await world.json<Document>(`${path}/review?locale=th`);
  expect(review.data.markdown).toContain(`# รายงานทบทวนหลังเหตุขัดข้อง ${incident?.id}`);
  expect((await world.ask(`${path}/review?locale=fr`)).status).toBe(400);
  expect((await world.ask("/api/admin/incidents/INC-1/review")).status).toBe(404);
});
