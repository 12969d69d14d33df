// Messages of a chat: sent, stored, acknowledged, delivered.
#pragma once

// The options are those of `loadgen chat` behind the servers' process ids.
void test_chat(char **options, int count);
