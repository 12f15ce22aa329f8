// Castore with its DynamoDB adapter: reads tasks as lines of JSON and answers each, as bench/subject.py does.
//
// Its argument is the folder that holds node_modules. A command is what Castore's documentation shows: get the aggregate (its whole stream), decide, push the next event.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(`${process.argv[2]}/`);
const { BatchWriteItemCommand, DynamoDBClient } = require('@aws-sdk/client-dynamodb');
const { EventStore, EventType } = require('@castore/core');
const { DynamoDBSingleTableEventStorageAdapter } = require('@castore/event-storage-adapter-dynamodb');

const LATENCY_MS = 50; // as bench/meter.py holds requests back, so that calls side by side are seen to overlap
const BATCH = 25;
const WRITES = new Set(['PutItemCommand', 'TransactWriteItemsCommand']);
const TABLE = 'castore-events';
const STORE = 'accounts';

const client = new DynamoDBClient({
  endpoint: process.env.AWS_ENDPOINT_URL_DYNAMODB,
  region: process.env.AWS_DEFAULT_REGION,
  credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY },
});
const storage = new DynamoDBSingleTableEventStorageAdapter({ tableName: TABLE, dynamoDBClient: client });

const store = new EventStore({
  eventStoreId: STORE,
  eventTypes: ['AccountCreated', 'TransactionProcessed', 'AccountClosed'].map((type) => new EventType({ type })),
  reducer: (account, { type, aggregateId, version, payload }) => {
    if (type === 'AccountCreated') {
      return { aggregateId, version, status: 'Active', cents: 0, limit: payload.overdraftLimit * 100 };
    }
    return { ...account, version, cents: account.cents + Math.round(payload.amount * 100) };
  },
  eventStorageAdapter: storage,
});

let metering = null; // while a task is metered, its calls
client.middlewareStack.add(
  (next, context) => async (args) => {
    if (metering === null) return next(args);
    const call = { operation: context.commandName, started: performance.now(), ended: 0, requests: 0, units: 0 };
    args.input.ReturnConsumedCapacity = 'TOTAL';
    const result = await next(args);
    call.ended = performance.now();
    call.requests = result.output.$metadata.attempts;
    call.units = result.output.ConsumedCapacity?.CapacityUnits ?? 0;
    metering.push(call);
    return result;
  },
  { step: 'initialize', name: 'meter' },
);
client.middlewareStack.add(
  (next) => async (args) => {
    if (metering !== null) await new Promise((resolve) => setTimeout(resolve, LATENCY_MS));
    return next(args);
  },
  { step: 'finalizeRequest', name: 'holdBack' },
);

async function append({ aggregateId, eventType, eventData }) {
  const { aggregate } = await store.getAggregate(aggregateId);
  if ((aggregate === undefined) !== (eventType === 'AccountCreated')) throw new Error('the account is not active');
  if (aggregate && aggregate.cents + Math.round(eventData.amount * 100) < -aggregate.limit) {
    throw new Error('the balance would fall below minus the overdraft limit');
  }
  const version = (aggregate?.version ?? 0) + 1;
  await store.pushEvent({ aggregateId, version, type: eventType, payload: eventData });
}

async function seed({ first, commands }) {
  const requests = commands.map(({ aggregateId, eventType, eventData }, index) => {
    const event = { aggregateId, version: first + index, type: eventType, payload: eventData };
    const timestamp = new Date(Date.UTC(2024, 0, 15, 10) + (first + index) * 1000).toISOString();
    return { PutRequest: { Item: storage.getPushEventInput({ ...event, timestamp }, { eventStoreId: STORE }).Item } };
  });
  const batches = [];
  for (let start = 0; start < requests.length; start += BATCH) {
    batches.push(put(requests.slice(start, start + BATCH)));
  }
  await Promise.all(batches);
}

async function put(requests) {
  let undone = { [TABLE]: requests };
  while (Object.keys(undone).length > 0) {
    undone = (await client.send(new BatchWriteItemCommand({ RequestItems: undone }))).UnprocessedItems ?? {};
  }
}

function cost(calls) {
  let waits = 0;
  let free = -Infinity;
  for (const call of [...calls].sort((one, other) => one.ended - other.ended)) {
    if (call.started >= free) {
      waits += 1;
      free = call.ended;
    }
  }
  const units = (chosen) => chosen.reduce((sum, call) => sum + call.units, 0);
  return {
    operations: calls.map((call) => call.operation.replace(/Command$/, '')),
    requests: calls.reduce((sum, call) => sum + call.requests, 0),
    waits,
    read_units: units(calls.filter((call) => !WRITES.has(call.operation))),
    write_units: units(calls.filter((call) => WRITES.has(call.operation))),
  };
}

async function answer(task) {
  if (task.do === 'seed') {
    await seed(task);
    return {};
  }
  const cpu = process.cpuUsage();
  const wall = performance.now();
  metering = task.meter ? [] : null;
  let counted = null;
  try {
    await append(task.command);
    counted = metering && cost(metering);
  } finally {
    metering = null;
  }
  const wallMs = performance.now() - wall - (counted ? counted.waits * LATENCY_MS : 0);
  const { user, system } = process.cpuUsage(cpu);
  return { ...(counted && { cost: counted }), cpuMs: (user + system) / 1000, wallMs };
}

for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = await answer(JSON.parse(line));
  } catch (error) {
    said = { error: `${error.name}: ${error.message}` };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
