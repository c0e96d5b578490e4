/*
 * The loops of the column kernels in C, to say how far those are from what the machine can do. Reads lines `NAME MILLISECONDS`, runs
 * that loop for that long and prints the nanoseconds per call; `check NAME` runs it once on fresh data and prints the sum of what it
 * came to. The arrays have external linkage, as the barriers would not cover them otherwise.
 */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define N 10000
#define DT (1.0f / 64)
#define ALIGNED __attribute__((aligned(64)))
#define BARRIER() __asm__ volatile("" ::: "memory")

float a[N] ALIGNED, b[N] ALIGNED, out[N] ALIGNED, x[N] ALIGNED, y[N] ALIGNED, z[N] ALIGNED, r[N] ALIGNED;
float vx[N] ALIGNED, vy[N] ALIGNED, vz[N] ALIGNED, life[N] ALIGNED, ox[N] ALIGNED, oy[N] ALIGNED, oz[N] ALIGNED;
double wa[N] ALIGNED, wb[N] ALIGNED, wout[N] ALIGNED;
uint8_t mask[N] ALIGNED, set[N] ALIGNED;
int32_t at[N] ALIGNED;
float matrix[16], planes[24];
double result;
int frame;

struct particle { float x, y, z, vx, vy, vz, life; };
struct particle particles[N] ALIGNED;

#define LOOP(name, body) \
  static void name(void) { \
    for (int i = 0; i < N; i++) { body; } \
  }

LOOP(step, x[i] += vx[i] * DT; y[i] += vy[i] * DT; z[i] += vz[i] * DT; life[i] -= DT)
LOOP(fill, out[i] = 0.5f)
LOOP(copy, out[i] = a[i])
LOOP(iota, out[i] = 1 + i * 0.25f)
LOOP(add, out[i] = a[i] + b[i])
LOOP(mul, out[i] = a[i] * b[i])
LOOP(divide, out[i] = a[i] / b[i])
LOOP(axpy, out[i] += 0.001f * a[i])
LOOP(lerp, out[i] = a[i] + (b[i] - a[i]) * 0.25f)
LOOP(clamp, float v = a[i]; v = v < -0.5f ? -0.5f : v; out[i] = 0.5f < v ? 0.5f : v)
LOOP(absolute, out[i] = fabsf(a[i]))
LOOP(lesser, out[i] = a[i] < b[i] ? a[i] : b[i])
LOOP(greater, out[i] = a[i] > b[i] ? a[i] : b[i])
LOOP(root, out[i] = sqrtf(b[i]))
LOOP(addScalar, out[i] = a[i] + 0.3f)
LOOP(scale, out[i] = a[i] * 0.3f)
LOOP(lessNumber, set[i] = a[i] < 0.1f)
LOOP(lessColumn, set[i] = a[i] < vx[i])
LOOP(choose, out[i] = mask[i] ? a[i] : b[i])
LOOP(gather, out[i] = a[at[i]])
LOOP(scatter, out[at[i]] = a[i])
LOOP(length, out[i] = sqrtf(x[i] * x[i] + y[i] * y[i] + z[i] * z[i]))
LOOP(add64, wout[i] = wa[i] + wb[i])
LOOP(mul64, wout[i] = wa[i] * wb[i])
LOOP(axpy64, wout[i] += 0.001 * wa[i])
LOOP(root64, wout[i] = sqrt(wb[i]))
LOOP(
  normalize, float l = sqrtf(x[i] * x[i] + y[i] * y[i] + z[i] * z[i]); l = l > 0 ? l : 1; x[i] /= l; y[i] /= l;
  z[i] /= l
)

static void compact(void) {
  int kept = 0;
  for (int i = 0; i < N; i++) {
    out[kept] = a[i];
    kept += mask[i];
  }
  if (kept < N) out[kept] = 0;
}

static void transform(void) {
  float m[16];
  memcpy(m, matrix, sizeof m);
  for (int i = 0; i < N; i++) {
    ox[i] = m[0] * x[i] + m[4] * y[i] + m[8] * z[i] + m[12];
    oy[i] = m[1] * x[i] + m[5] * y[i] + m[9] * z[i] + m[13];
    oz[i] = m[2] * x[i] + m[6] * y[i] + m[10] * z[i] + m[14];
  }
}

static void cull(void) {
  float p[24];
  memcpy(p, planes, sizeof p);
  for (int i = 0; i < N; i++) {
    int in = 1;
    for (int k = 0; k < 24; k += 4) in &= p[k] * x[i] + p[k + 1] * y[i] + p[k + 2] * z[i] + p[k + 3] >= -r[i];
    set[i] = in;
  }
}

/* Lanes of their own, as the compiler may not change the order of additions. */
#define REDUCE(name, type, lanes, first, combine) \
  static void name(void) { \
    type s[lanes]; \
    for (int k = 0; k < lanes; k++) s[k] = first; \
    for (int i = 0; i < N; i += lanes) \
      for (int k = 0; k < lanes; k++) { combine(type, s[k], i + k) } \
    type t = s[0]; \
    for (int k = 1; k < lanes; k++) { \
      type other = s[k]; \
      JOIN_##name \
    } \
    result = t; \
  }

#define SUM(type, s, i) s += a[i];
#define DOT(type, s, i) s += a[i] * b[i];
#define MIN(type, s, i) s = a[i] < s ? a[i] : s;
#define MAX(type, s, i) s = a[i] > s ? a[i] : s;
#define SUM64(type, s, i) s += wa[i];
#define DOT64(type, s, i) s += wa[i] * wb[i];
#define JOIN_sum t += other;
#define JOIN_dot t += other;
#define JOIN_sum64 t += other;
#define JOIN_dot64 t += other;
#define JOIN_minOf t = other < t ? other : t;
#define JOIN_maxOf t = other > t ? other : t;
/* 10,000 is a multiple of 16, so that no elements are left over. */
REDUCE(sum, float, 16, 0, SUM)
REDUCE(dot, float, 16, 0, DOT)
REDUCE(minOf, float, 16, INFINITY, MIN)
REDUCE(maxOf, float, 16, -INFINITY, MAX)
REDUCE(sum64, double, 8, 0, SUM64)
REDUCE(dot64, double, 8, 0, DOT64)

static void frameRows(void) {
  int k = frame++;
  for (int i = 0; i < N; i++) {
    struct particle *p = &particles[i];
    p->x = i / 4.0f;
    p->y = k & 255;
    p->z = (i & 63) / 2.0f;
    p->vx = (i & 7) / 4.0f;
    p->vy = -0.5f;
    p->vz = (k & 3) / 4.0f;
    p->life = 4 + (i & 15);
  }
  BARRIER();
  for (int i = 0; i < N; i++) {
    struct particle *p = &particles[i];
    p->x += p->vx * DT;
    p->y += p->vy * DT;
    p->z += p->vz * DT;
    p->life -= DT;
  }
}

static void frameColumns(void) {
  int k = frame++;
  for (int i = 0; i < N; i++) {
    x[i] = i / 4.0f;
    y[i] = k & 255;
    z[i] = (i & 63) / 2.0f;
    vx[i] = (i & 7) / 4.0f;
    vy[i] = -0.5f;
    vz[i] = (k & 3) / 4.0f;
    life[i] = 4 + (i & 15);
  }
  BARRIER();
  step();
}

enum kind { FLOATS, DOUBLES, BYTES, RESULT, ROWS };

static const struct row {
  const char *name;
  void (*run)(void);
  enum kind kind;
  const void *outputs[7];
} rows[] = {
  { "step", step, FLOATS, { x, y, z, life } },
  { "frameRows", frameRows, ROWS, { 0 } },
  { "frameColumns", frameColumns, FLOATS, { x, y, z, vx, vy, vz, life } },
  { "fill", fill, FLOATS, { out } },
  { "copy", copy, FLOATS, { out } },
  { "iota", iota, FLOATS, { out } },
  { "add", add, FLOATS, { out } },
  { "mul", mul, FLOATS, { out } },
  { "div", divide, FLOATS, { out } },
  { "axpy", axpy, FLOATS, { out } },
  { "lerp", lerp, FLOATS, { out } },
  { "clamp", clamp, FLOATS, { out } },
  { "abs", absolute, FLOATS, { out } },
  { "min", lesser, FLOATS, { out } },
  { "max", greater, FLOATS, { out } },
  { "sqrt", root, FLOATS, { out } },
  { "addScalar", addScalar, FLOATS, { out } },
  { "scale", scale, FLOATS, { out } },
  { "lessNumber", lessNumber, BYTES, { set } },
  { "lessColumn", lessColumn, BYTES, { set } },
  { "select", choose, FLOATS, { out } },
  { "compactInto", compact, FLOATS, { out } },
  { "gather", gather, FLOATS, { out } },
  { "scatter", scatter, FLOATS, { out } },
  { "sum", sum, RESULT, { 0 } },
  { "dot", dot, RESULT, { 0 } },
  { "minOf", minOf, RESULT, { 0 } },
  { "maxOf", maxOf, RESULT, { 0 } },
  { "length", length, FLOATS, { out } },
  { "normalize", normalize, FLOATS, { x, y, z } },
  { "transformPoints", transform, FLOATS, { ox, oy, oz } },
  { "cullSpheres", cull, BYTES, { set } },
  { "add64", add64, DOUBLES, { wout } },
  { "mul64", mul64, DOUBLES, { wout } },
  { "axpy64", axpy64, DOUBLES, { wout } },
  { "sum64", sum64, RESULT, { 0 } },
  { "dot64", dot64, RESULT, { 0 } },
  { "sqrt64", root64, DOUBLES, { wout } },
};

/* The same data as the program that starts this one makes. */
static uint32_t state;

static double next(double low, double high) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return low + (high - low) * (state / 4294967296.0);
}

static void random32(float *column, uint32_t seed, double low, double high) {
  state = seed;
  for (int i = 0; i < N; i++) column[i] = (float)next(low, high);
}

static void random64(double *column, uint32_t seed, double low, double high) {
  state = seed;
  for (int i = 0; i < N; i++) column[i] = next(low, high);
}

static void reset(void) {
  random32(a, 101, -1, 1);
  random32(b, 202, 0.5, 1.5);
  random32(x, 303, -10, 10);
  random32(y, 404, -10, 10);
  random32(z, 505, -10, 10);
  random32(vx, 606, -1, 1);
  random32(vy, 707, -1, 1);
  random32(vz, 808, -1, 1);
  random32(life, 909, 1, 10);
  random32(r, 1010, 0.1, 1);
  random64(wa, 1111, -1, 1);
  random64(wb, 1212, 0.5, 1.5);
  state = 1313;
  for (int i = 0; i < N; i++) mask[i] = next(0, 1) < 0.5;
  state = 1414;
  for (int i = 0; i < N; i++) at[i] = i;
  for (int i = N - 1; i > 0; i--) {
    int j = (int)next(0, i + 1), swapped = at[i];
    at[i] = at[j];
    at[j] = swapped;
  }
  for (int i = 0; i < 16; i++) matrix[i] = (float)((i * 7 % 16 - 8) / 8.0);
  for (int i = 0; i < 24; i++) planes[i] = i % 4 == 3 ? 7 : (i / 8 == i % 4) ? (i / 4 % 2 ? -1 : 1) : 0.125f;
  memset(out, 0, sizeof out);
  memset(wout, 0, sizeof wout);
  frame = 5;
}

static double total(const struct row *row) {
  double sum = 0;
  if (row->kind == RESULT) return result;
  if (row->kind == ROWS) {
    for (int i = 0; i < N; i++) {
      const struct particle *p = &particles[i];
      sum += (double)p->x + p->y + p->z + p->vx + p->vy + p->vz + p->life;
    }
    return sum;
  }
  for (int k = 0; k < 7 && row->outputs[k]; k++)
    for (int i = 0; i < N; i++)
      sum += row->kind == FLOATS ? ((const float *)row->outputs[k])[i]
        : row->kind == DOUBLES ? ((const double *)row->outputs[k])[i]
        : ((const uint8_t *)row->outputs[k])[i];
  return sum;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static const struct row *find(const char *name) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) if (strcmp(rows[i].name, name) == 0) return &rows[i];
  return 0;
}

int main(void) {
  char name[64], rest[64];
  while (scanf("%63s %63s", name, rest) == 2) {
    int checks = strcmp(name, "check") == 0;
    const struct row *row = find(checks ? rest : name);
    double milliseconds = 0;
    if (!row || (!checks && sscanf(rest, "%lf", &milliseconds) != 1)) {
      printf("nan\n");
    } else if (checks) {
      reset();
      BARRIER();
      row->run();
      BARRIER();
      printf("%.17g\n", total(row));
    } else {
      double start = now(), elapsed;
      long calls = 0;
      do {
        for (int i = 0; i < 8; i++) {
          row->run();
          BARRIER();
        }
        calls += 8;
        elapsed = now() - start;
      } while (elapsed < milliseconds * 1e6);
      printf("%.2f\n", elapsed / calls);
    }
    fflush(stdout);
  }
  return 0;
}
