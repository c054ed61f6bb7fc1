/* Drives worlds of PufferLib 3.0 for benchmarks/peers.py, which builds this into a library for each of them.

   It does what their bindings do in one process: worlds with the settings of pufferlib/config/ocean step one after the
   other, over buffers that all of them share. Nothing is drawn: raylib.h is an empty file, and what they name of raylib
   is made up here. */

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846f
typedef struct { unsigned char r, g, b, a; } Color;
typedef struct { float x, y; } Vector2;
typedef struct { float x, y, width, height; } Rectangle;
typedef struct { int id; } Texture2D;
enum { KEY_ESCAPE = 256 };
#define RED (Color){0}
#define GREEN (Color){0}
#define WHITE (Color){0}
#define BLANK (Color){0}
#define IsKeyDown(key) 0
#define LoadTexture(name) (Texture2D){0}
#define UnloadTexture(texture)
#define InitWindow(...)
#define CloseWindow()
#define SetTargetFPS(rate)
#define BeginDrawing()
#define EndDrawing()
#define ClearBackground(...)
#define DrawRectangle(...)
#define DrawRectangleLines(...)
#define DrawText(...)
#define DrawTexturePro(...)
#define TextFormat(...) ""

#if defined(RWARE)
#include "rware/rware.h"
typedef CRware World;
typedef int Act;
enum { AGENTS = 8, ACTS = 5, VIEW_BYTES = (SELF_OBS + VISION_OBS) * sizeof(float) };
static void set_up(World *world) {
    world->map_choice = 2;
    world->num_agents = AGENTS;
    world->num_requested_shelves = 8;
    init(world);
}

#elif defined(SNAKE)
#include "snake/snake.h"
typedef CSnake World;
typedef int Act;
enum { AGENTS = 256, ACTS = 4, VIEW_BYTES = 11 * 11 };
static void set_up(World *world) {
    world->width = 640;
    world->height = 360;
    world->num_snakes = AGENTS;
    world->food = 4096;
    world->vision = 5;
    world->leave_corpse_on_death = 1;
    world->reward_food = 0.1f;
    world->reward_corpse = 0.1f;
    world->reward_death = -1.0f;
    world->max_snake_length = 1024;
    init_csnake(world);
}

#elif defined(GRID)
#include "grid/grid.h"
typedef Grid World;
typedef float Act;
enum { AGENTS = 1, ACTS = 5, VIEW_BYTES = 11 * 11, MAX_SIDE = 47, MAPS = 8192 };
static State *mazes(void) {
    static State *levels;
    if (levels) return levels;
    levels = calloc(MAPS, sizeof(State));
    World maker = {.max_size = MAX_SIDE};
    init_grid(&maker);
    for (int i = 0; i < MAPS; i++) {
        int side = (5 + rand() % (MAX_SIDE - 5) - 1) | 1; /* odd, as their binding has it */
        float difficulty = rand() / (float)RAND_MAX;
        create_maze_level(&maker, side, side, difficulty, i);
        init_state(&levels[i], MAX_SIDE, 1);
        get_state(&maker, &levels[i]);
    }
    return levels;
}
static void set_up(World *world) {
    world->max_size = MAX_SIDE;
    world->num_maps = MAPS;
    world->levels = mazes();
    init_grid(world);
}

#elif defined(TRASH_PICKUP)
#include "trash_pickup/trash_pickup.h"
typedef CTrashPickupEnv World;
typedef int Act;
enum { AGENTS = 8, ACTS = 4, VIEW_BYTES = 11 * 11 * 5 };
static void set_up(World *world) {
    world->num_agents = AGENTS;
    world->grid_size = 20;
    world->num_trash = 40;
    world->num_bins = 2;
    world->max_steps = 500;
    world->agent_sight_range = 5;
    initialize_env(world);
}
#endif

static World **worlds;
static int num_worlds;
static char *views;
static Act *acts;

int num_agents(void) { return AGENTS; }
int num_acts(void) { return ACTS; }
int view_bytes(void) { return VIEW_BYTES; }

/* That many worlds, begun; what their agents see, (worlds, agents, VIEW_BYTES), is written there at every step. */
char *begin(int count) {
    num_worlds = count;
    worlds = calloc(count, sizeof(World *));
    views = calloc((size_t)count * AGENTS, VIEW_BYTES);
    acts = calloc((size_t)count * AGENTS, sizeof(Act));
    float *rewards = calloc((size_t)count * AGENTS, sizeof(float));
    unsigned char *terminals = calloc((size_t)count * AGENTS, 1);
    for (int i = 0; i < count; i++) {
        World *world = worlds[i] = calloc(1, sizeof(World));
        srand(i);
        world->observations = (void *)(views + (size_t)i * AGENTS * VIEW_BYTES);
        world->actions = acts + (size_t)i * AGENTS;
        world->rewards = rewards + (size_t)i * AGENTS;
        world->terminals = terminals + (size_t)i * AGENTS;
        set_up(world);
        c_reset(world);
    }
    return views;
}

/* Steps all worlds; `drawn` are acts, (steps, worlds, agents). */
void run(const int8_t *drawn, int num_steps) {
    size_t total = (size_t)num_worlds * AGENTS;
    for (int step = 0; step < num_steps; step++) {
        for (size_t i = 0; i < total; i++) acts[i] = drawn[step * total + i];
        for (int i = 0; i < num_worlds; i++) c_step(worlds[i]);
    }
}
