// OpenAI's npm client against the gateway: base URL, key and model are its arguments; the findings go to stdout as JSON.
import OpenAI from "openai";

const [baseURL, apiKey, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "hello" }];

const models = [];
for await (const found of client.models.list()) models.push(found.id);

const whole = await client.chat.completions.create({ model, messages });

const stream = await client.chat.completions.create({
  model,
  messages,
  stream: true,
  stream_options: { include_usage: true },
});
let text = "";
let usage = null;
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}

const runner = client.chat.completions.stream({ model, messages });
const assembled = await runner.finalMessage();

let refused = null;
try {
  await client.chat.completions.create({ model: "nobody/none", messages });
} catch (error) {
  refused = { status: error.status, code: error.code, type: error.type, message: error.message };
}

console.log(
  JSON.stringify({
    models,
    whole: whole.choices[0].message.content,
    text,
    usage,
    calls: assembled.tool_calls ?? [],
    refused,
  }),
);
