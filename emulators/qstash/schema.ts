/**
 * Idempotent; run at every start, under the advisory lock.
 * `flow_key` is '' for messages without flow control, so that one index serves every claim.
 */
export const SCHEMA_SQL = `
CREATE SCHEMA IF NOT EXISTS qstash_emulator;
CREATE TABLE IF NOT EXISTS qstash_emulator.message (
  id text PRIMARY KEY,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  due_at bigint NOT NULL,
  rank double precision NOT NULL DEFAULT 0,
  flow_key text NOT NULL DEFAULT '',
  retried integer NOT NULL DEFAULT 0,
  spec jsonb NOT NULL,
  body bytea NOT NULL
);
CREATE INDEX IF NOT EXISTS message_claim
  ON qstash_emulator.message (flow_key, due_at, rank, seq);
CREATE TABLE IF NOT EXISTS qstash_emulator.dedup (
  key text PRIMARY KEY,
  message_id text NOT NULL,
  expires_at bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS qstash_emulator.dlq (
  id text PRIMARY KEY,
  seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  message_id text NOT NULL,
  failed_at bigint NOT NULL,
  spec jsonb NOT NULL,
  body bytea NOT NULL,
  response_status integer,
  response_header jsonb,
  response_body bytea
);
CREATE TABLE IF NOT EXISTS qstash_emulator.schedule (
  id text PRIMARY KEY,
  cron text NOT NULL,
  spec jsonb NOT NULL,
  body bytea NOT NULL,
  delay_ms bigint NOT NULL DEFAULT 0,
  paused boolean NOT NULL DEFAULT false,
  created_at bigint NOT NULL,
  next_at bigint NOT NULL,
  last_at bigint,
  last_message_id text
);
CREATE TABLE IF NOT EXISTS qstash_emulator.flow_control (
  key text PRIMARY KEY,
  state jsonb NOT NULL
);
CREATE TABLE IF NOT EXISTS qstash_emulator.log (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time bigint NOT NULL,
  message_id text NOT NULL,
  state text NOT NULL,
  spec jsonb NOT NULL,
  detail jsonb
);
CREATE TABLE IF NOT EXISTS qstash_emulator.setting (
  key text PRIMARY KEY,
  value jsonb NOT NULL
);
CREATE TABLE IF NOT EXISTS qstash_emulator.counter (
  name text PRIMARY KEY,
  value bigint NOT NULL
);
`;
