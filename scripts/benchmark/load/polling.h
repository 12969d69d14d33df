// Clients over HTTP polling: each has a request open that the server answers with what it has for the client, and sends
// its own packets by POST over a second connection.
#pragma once

// Each of `clients` sends an event, waits for its acknowledgement and for the event that the server sends back, and
// sends the next one.
void test_polling(int clients, double warm, double seconds);
