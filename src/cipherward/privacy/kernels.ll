; Written by `make kernels` from the Python source of this room's kernels. Do not edit.
; Python 3.11, numba 0.68.1, llvmlite 0.50.0, x86_64
define internal i1 @0(ptr %0, ptr %1, i64 %2, i32 %3) {
  %5 = load i64, ptr %0, align 8
  %6 = getelementptr i8, ptr %1, i64 %5
  %7 = getelementptr i8, ptr %6, i64 -8
  %8 = load i64, ptr %7, align 8
  %9 = getelementptr i8, ptr %0, i64 8
  %10 = load i64, ptr %9, align 8
  %11 = icmp eq i64 %8, %10
  br i1 %11, label %14, label %12

12:
  %13 = phi i1 [ %28, %14 ], [ false, %4 ]
  ret i1 %13

14:
  %15 = getelementptr i8, ptr %6, i64 8
  %16 = load i32, ptr %15, align 4
  %17 = icmp eq i32 %16, 1
  %18 = getelementptr i8, ptr %6, i64 40
  %19 = load i64, ptr %18, align 8
  %20 = getelementptr i64, ptr %0, i64 %2
  %21 = load i64, ptr %20, align 8
  %22 = icmp eq i64 %19, %21
  %23 = getelementptr i8, ptr %6, i64 48
  %24 = load i32, ptr %23, align 4
  %25 = and i32 %24, %3
  %26 = icmp eq i32 %25, %3
  %27 = and i1 %17, %22
  %28 = and i1 %27, %26
  br label %12
}

define i64 @discrete._fill(ptr %0, ptr %1, i64 %2, ptr %3, ptr %4, i64 %5) {
  %7 = load i64, ptr %0, align 8
  %8 = call i1 @0(ptr nonnull %0, ptr %1, i64 5, i32 257)
  br i1 %8, label %11, label %9

9:
  %10 = phi i64 [ %33, %27 ], [ -1, %6 ], [ -3, %11 ], [ -4, %20 ]
  ret i64 %10

11:
  %12 = getelementptr i8, ptr %1, i64 %7
  %13 = load ptr, ptr %12, align 8
  %14 = getelementptr i8, ptr %12, i64 16
  %15 = load ptr, ptr %14, align 8
  %16 = load i64, ptr %15, align 8
  %17 = shl i64 %16, 3
  %18 = ashr exact i64 %17, 3
  %19 = call i1 @0(ptr nonnull %0, ptr %3, i64 9, i32 1281)
  br i1 %19, label %20, label %9

20:
  %21 = getelementptr i8, ptr %3, i64 %7
  %22 = load ptr, ptr %21, align 8
  %23 = getelementptr i8, ptr %21, i64 16
  %24 = load ptr, ptr %23, align 8
  %25 = load i64, ptr %24, align 8
  %26 = call i1 @0(ptr nonnull %0, ptr %4, i64 9, i32 1281)
  br i1 %26, label %27, label %9

27:
  %28 = shl i64 %25, 3
  %29 = ashr exact i64 %28, 3
  %30 = getelementptr i8, ptr %4, i64 %7
  %31 = load ptr, ptr %30, align 8
  %32 = alloca i64, align 8
  call void @1(ptr nonnull %32, i64 %18, ptr %13, i64 %2, i64 %29, ptr %22, i64 %25, ptr %31, i64 %5)
  %33 = load i64, ptr %32, align 8
  br label %9
}

define internal void @1(ptr noalias nonnull %0, i64 %1, ptr %2, i64 %3, i64 %4, ptr %5, i64 %6, ptr %7, i64 %8) {
  %10 = sub i64 %4, %8
  %11 = call i64 @llvm.smax.i64(i64 %10, i64 0)
  br label %12

12:
  %13 = phi i64 [ %8, %9 ], [ %18, %354 ]
  %14 = phi i64 [ %11, %9 ], [ %20, %354 ]
  %15 = phi i64 [ 0, %9 ], [ %350, %354 ]
  %16 = icmp sgt i64 %14, 0
  %17 = zext i1 %16 to i64
  %18 = add i64 %13, %17
  %19 = sext i1 %16 to i64
  %20 = add nsw i64 %14, %19
  %21 = select i1 %16, i64 %13, i64 0
  br i1 %16, label %22, label %364

22:
  %23 = phi i64 [ %363, %362 ], [ %15, %12 ]
  br label %24

24:
  %25 = phi i64 [ %23, %22 ], [ %350, %353 ]
  %26 = add i64 %3, -1
  %27 = lshr i64 %26, 1
  %28 = or i64 %26, %27
  %29 = lshr i64 %28, 2
  %30 = or i64 %28, %29
  %31 = lshr i64 %30, 4
  %32 = or i64 %30, %31
  %33 = lshr i64 %32, 8
  %34 = or i64 %32, %33
  %35 = lshr i64 %34, 16
  %36 = or i64 %34, %35
  %37 = lshr i64 %36, 32
  %38 = or i64 %36, %37
  %39 = icmp sgt i64 %25, -1
  %40 = icmp slt i64 %25, %1
  %41 = select i1 %39, i1 %40, i1 false
  br i1 %41, label %42, label %51

42:
  %43 = phi i64 [ %47, %49 ], [ %25, %24 ]
  %44 = getelementptr i64, ptr %2, i64 %43
  %45 = load i64, ptr %44, align 8
  %46 = and i64 %45, %38
  %47 = add nuw nsw i64 %43, 1
  %48 = icmp ult i64 %46, %3
  br i1 %48, label %51, label %49

49:
  %50 = icmp slt i64 %47, %1
  br i1 %50, label %42, label %51

51:
  %52 = phi i64 [ %47, %42 ], [ -1, %49 ], [ -1, %24 ]
  %53 = phi i64 [ %46, %42 ], [ 0, %49 ], [ 0, %24 ]
  %54 = icmp eq i64 %52, -1
  br i1 %54, label %364, label %55

55:
  %56 = phi i64 [ %109, %114 ], [ %52, %51 ]
  %57 = phi i64 [ %115, %114 ], [ 1, %51 ]
  %58 = icmp sgt i64 %56, -1
  %59 = icmp slt i64 %56, %1
  %60 = select i1 %58, i1 %59, i1 false
  br i1 %60, label %61, label %70

61:
  %62 = phi i64 [ %66, %68 ], [ %56, %55 ]
  %63 = getelementptr i64, ptr %2, i64 %62
  %64 = load i64, ptr %63, align 8
  %65 = and i64 %64, %38
  %66 = add nuw nsw i64 %62, 1
  %67 = icmp ult i64 %65, %3
  br i1 %67, label %70, label %68

68:
  %69 = icmp slt i64 %66, %1
  br i1 %69, label %61, label %70

70:
  %71 = phi i64 [ %65, %61 ], [ 0, %68 ], [ 0, %55 ]
  %72 = phi i64 [ %66, %61 ], [ -1, %68 ], [ -1, %55 ]
  %73 = icmp eq i64 %72, -1
  br i1 %73, label %116, label %74

74:
  %75 = icmp ult i64 %71, %53
  br i1 %75, label %76, label %108

76:
  %77 = icmp ugt i64 %57, 1
  br i1 %77, label %78, label %108

78:
  %79 = add i64 %57, -1
  %80 = lshr i64 %79, 1
  %81 = or i64 %79, %80
  %82 = lshr i64 %81, 2
  %83 = or i64 %81, %82
  %84 = lshr i64 %83, 4
  %85 = or i64 %83, %84
  %86 = lshr i64 %85, 8
  %87 = or i64 %85, %86
  %88 = lshr i64 %87, 16
  %89 = or i64 %87, %88
  %90 = lshr i64 %89, 32
  %91 = or i64 %89, %90
  %92 = icmp slt i64 %72, %1
  br i1 %92, label %93, label %104

93:
  %94 = phi i64 [ %98, %102 ], [ %72, %78 ]
  %95 = getelementptr i64, ptr %2, i64 %94
  %96 = load i64, ptr %95, align 8
  %97 = and i64 %96, %91
  %98 = add nuw nsw i64 %94, 1
  %99 = icmp ult i64 %97, %57
  br i1 %99, label %100, label %102

100:
  %101 = icmp eq i64 %97, 0
  br label %104

102:
  %103 = icmp slt i64 %98, %1
  br i1 %103, label %93, label %104

104:
  %105 = phi i64 [ %98, %100 ], [ -1, %102 ], [ -1, %78 ]
  %106 = phi i1 [ %101, %100 ], [ true, %102 ], [ true, %78 ]
  %107 = icmp eq i64 %105, -1
  br i1 %107, label %116, label %108

108:
  %109 = phi i64 [ %72, %74 ], [ %72, %76 ], [ %105, %104 ]
  %110 = phi i1 [ false, %74 ], [ true, %76 ], [ %106, %104 ]
  br i1 %110, label %114, label %111

111:
  %112 = and i64 %57, 1
  %113 = icmp ne i64 %112, 0
  br label %116

114:
  %115 = add i64 %57, 1
  br label %55

116:
  %117 = phi i64 [ %109, %111 ], [ -1, %70 ], [ -1, %104 ]
  %118 = phi i1 [ %113, %111 ], [ false, %70 ], [ false, %104 ]
  %119 = icmp eq i64 %117, -1
  br i1 %119, label %364, label %120

120:
  br i1 %118, label %121, label %362

121:
  %122 = phi i64 [ %174, %178 ], [ %117, %120 ]
  %123 = phi i64 [ %179, %178 ], [ 0, %120 ]
  br label %124

124:
  %125 = phi i64 [ %122, %121 ], [ %166, %171 ]
  %126 = phi i64 [ 1, %121 ], [ %172, %171 ]
  %127 = icmp slt i64 %125, 0
  %128 = icmp sge i64 %125, %1
  %129 = select i1 %127, i1 true, i1 %128
  %130 = add nuw nsw i64 %125, 1
  %131 = icmp eq i64 %130, -1
  %132 = select i1 %129, i1 true, i1 %131
  br i1 %132, label %173, label %133

133:
  %134 = icmp ugt i64 %126, 1
  br i1 %134, label %135, label %165

135:
  %136 = add i64 %126, -1
  %137 = lshr i64 %136, 1
  %138 = or i64 %136, %137
  %139 = lshr i64 %138, 2
  %140 = or i64 %138, %139
  %141 = lshr i64 %140, 4
  %142 = or i64 %140, %141
  %143 = lshr i64 %142, 8
  %144 = or i64 %142, %143
  %145 = lshr i64 %144, 16
  %146 = or i64 %144, %145
  %147 = lshr i64 %146, 32
  %148 = or i64 %146, %147
  %149 = icmp slt i64 %130, %1
  br i1 %149, label %150, label %161

150:
  %151 = phi i64 [ %155, %159 ], [ %130, %135 ]
  %152 = getelementptr i64, ptr %2, i64 %151
  %153 = load i64, ptr %152, align 8
  %154 = and i64 %153, %148
  %155 = add nuw nsw i64 %151, 1
  %156 = icmp ult i64 %154, %126
  br i1 %156, label %157, label %159

157:
  %158 = icmp eq i64 %154, 0
  br label %161

159:
  %160 = icmp slt i64 %155, %1
  br i1 %160, label %150, label %161

161:
  %162 = phi i64 [ %155, %157 ], [ -1, %159 ], [ -1, %135 ]
  %163 = phi i1 [ %158, %157 ], [ true, %159 ], [ true, %135 ]
  %164 = icmp eq i64 %162, -1
  br i1 %164, label %173, label %165

165:
  %166 = phi i64 [ %130, %133 ], [ %162, %161 ]
  %167 = phi i1 [ true, %133 ], [ %163, %161 ]
  br i1 %167, label %171, label %168

168:
  %169 = and i64 %126, 1
  %170 = icmp ne i64 %169, 0
  br label %173

171:
  %172 = add i64 %126, 1
  br label %124

173:
  %174 = phi i64 [ %166, %168 ], [ -1, %124 ], [ -1, %161 ]
  %175 = phi i1 [ %170, %168 ], [ false, %124 ], [ false, %161 ]
  %176 = icmp eq i64 %174, -1
  br i1 %176, label %364, label %177

177:
  br i1 %175, label %178, label %181

178:
  %179 = add nuw nsw i64 %123, 1
  %180 = icmp samesign ult i64 %123, 59
  br i1 %180, label %121, label %181

181:
  %182 = phi i64 [ %179, %178 ], [ %123, %177 ]
  %183 = icmp eq i64 %182, 60
  br i1 %183, label %362, label %184

184:
  %185 = icmp sgt i64 %174, -1
  %186 = icmp slt i64 %174, %1
  %187 = select i1 %185, i1 %186, i1 false
  br i1 %187, label %188, label %193

188:
  %189 = getelementptr i64, ptr %2, i64 %174
  %190 = load i64, ptr %189, align 8
  %191 = and i64 %190, 1
  %192 = add nuw nsw i64 %174, 1
  br label %193

193:
  %194 = phi i64 [ %192, %188 ], [ -1, %184 ]
  %195 = phi i64 [ %191, %188 ], [ 0, %184 ]
  %196 = icmp eq i64 %194, -1
  br i1 %196, label %364, label %197

197:
  %198 = mul i64 %3, %182
  %199 = add i64 %53, %198
  %200 = icmp ne i64 %195, 0
  %201 = icmp eq i64 %199, 0
  %202 = select i1 %200, i1 %201, i1 false
  br i1 %202, label %362, label %203

203:
  %204 = icmp ugt i64 %199, %3
  %205 = sub i64 %199, %3
  %206 = sub i64 %3, %199
  %207 = select i1 %204, i64 %205, i64 %206
  %208 = mul i64 %207, %207
  %209 = shl i64 %3, 1
  %210 = mul i64 %209, %3
  %211 = icmp ugt i64 %208, %210
  br i1 %211, label %212, label %272

212:
  %213 = phi i64 [ %194, %203 ], [ %266, %269 ]
  %214 = phi i64 [ %208, %203 ], [ %270, %269 ]
  br label %215

215:
  %216 = phi i64 [ %213, %212 ], [ %257, %262 ]
  %217 = phi i64 [ 1, %212 ], [ %263, %262 ]
  %218 = icmp slt i64 %216, 0
  %219 = icmp sge i64 %216, %1
  %220 = select i1 %218, i1 true, i1 %219
  %221 = add nuw nsw i64 %216, 1
  %222 = icmp eq i64 %221, -1
  %223 = select i1 %220, i1 true, i1 %222
  br i1 %223, label %264, label %224

224:
  %225 = icmp ugt i64 %217, 1
  br i1 %225, label %226, label %256

226:
  %227 = add i64 %217, -1
  %228 = lshr i64 %227, 1
  %229 = or i64 %227, %228
  %230 = lshr i64 %229, 2
  %231 = or i64 %229, %230
  %232 = lshr i64 %231, 4
  %233 = or i64 %231, %232
  %234 = lshr i64 %233, 8
  %235 = or i64 %233, %234
  %236 = lshr i64 %235, 16
  %237 = or i64 %235, %236
  %238 = lshr i64 %237, 32
  %239 = or i64 %237, %238
  %240 = icmp slt i64 %221, %1
  br i1 %240, label %241, label %252

241:
  %242 = phi i64 [ %246, %250 ], [ %221, %226 ]
  %243 = getelementptr i64, ptr %2, i64 %242
  %244 = load i64, ptr %243, align 8
  %245 = and i64 %244, %239
  %246 = add nuw nsw i64 %242, 1
  %247 = icmp ult i64 %245, %217
  br i1 %247, label %248, label %250

248:
  %249 = icmp eq i64 %245, 0
  br label %252

250:
  %251 = icmp slt i64 %246, %1
  br i1 %251, label %241, label %252

252:
  %253 = phi i1 [ %249, %248 ], [ true, %250 ], [ true, %226 ]
  %254 = phi i64 [ %246, %248 ], [ -1, %250 ], [ -1, %226 ]
  %255 = icmp eq i64 %254, -1
  br i1 %255, label %264, label %256

256:
  %257 = phi i64 [ %221, %224 ], [ %254, %252 ]
  %258 = phi i1 [ true, %224 ], [ %253, %252 ]
  br i1 %258, label %262, label %259

259:
  %260 = and i64 %217, 1
  %261 = icmp eq i64 %260, 0
  br label %264

262:
  %263 = add i64 %217, 1
  br label %215

264:
  %265 = phi i1 [ %261, %259 ], [ true, %215 ], [ true, %252 ]
  %266 = phi i64 [ %257, %259 ], [ -1, %215 ], [ -1, %252 ]
  %267 = icmp eq i64 %266, -1
  %268 = select i1 %267, i1 true, i1 %265
  br i1 %268, label %349, label %269

269:
  %270 = sub i64 %214, %210
  %271 = icmp ugt i64 %270, %210
  br i1 %271, label %212, label %272

272:
  %273 = phi i64 [ %266, %269 ], [ %194, %203 ]
  %274 = phi i64 [ %270, %269 ], [ %208, %203 ]
  br label %275

275:
  %276 = phi i64 [ %273, %272 ], [ %342, %347 ]
  %277 = phi i64 [ 1, %272 ], [ %348, %347 ]
  %278 = add i64 %210, -1
  %279 = lshr i64 %278, 1
  %280 = or i64 %278, %279
  %281 = lshr i64 %280, 2
  %282 = or i64 %280, %281
  %283 = lshr i64 %282, 4
  %284 = or i64 %282, %283
  %285 = lshr i64 %284, 8
  %286 = or i64 %284, %285
  %287 = lshr i64 %286, 16
  %288 = or i64 %286, %287
  %289 = lshr i64 %288, 32
  %290 = or i64 %288, %289
  %291 = icmp sgt i64 %276, -1
  %292 = icmp slt i64 %276, %1
  %293 = select i1 %291, i1 %292, i1 false
  br i1 %293, label %294, label %303

294:
  %295 = phi i64 [ %299, %301 ], [ %276, %275 ]
  %296 = getelementptr i64, ptr %2, i64 %295
  %297 = load i64, ptr %296, align 8
  %298 = and i64 %297, %290
  %299 = add nuw nsw i64 %295, 1
  %300 = icmp ult i64 %298, %210
  br i1 %300, label %303, label %301

301:
  %302 = icmp slt i64 %299, %1
  br i1 %302, label %294, label %303

303:
  %304 = phi i64 [ %298, %294 ], [ 0, %301 ], [ 0, %275 ]
  %305 = phi i64 [ %299, %294 ], [ -1, %301 ], [ -1, %275 ]
  %306 = icmp eq i64 %305, -1
  br i1 %306, label %349, label %307

307:
  %308 = icmp ult i64 %304, %274
  br i1 %308, label %309, label %341

309:
  %310 = icmp ugt i64 %277, 1
  br i1 %310, label %311, label %341

311:
  %312 = add i64 %277, -1
  %313 = lshr i64 %312, 1
  %314 = or i64 %312, %313
  %315 = lshr i64 %314, 2
  %316 = or i64 %314, %315
  %317 = lshr i64 %316, 4
  %318 = or i64 %316, %317
  %319 = lshr i64 %318, 8
  %320 = or i64 %318, %319
  %321 = lshr i64 %320, 16
  %322 = or i64 %320, %321
  %323 = lshr i64 %322, 32
  %324 = or i64 %322, %323
  %325 = icmp slt i64 %305, %1
  br i1 %325, label %326, label %337

326:
  %327 = phi i64 [ %331, %335 ], [ %305, %311 ]
  %328 = getelementptr i64, ptr %2, i64 %327
  %329 = load i64, ptr %328, align 8
  %330 = and i64 %329, %324
  %331 = add nuw nsw i64 %327, 1
  %332 = icmp ult i64 %330, %277
  br i1 %332, label %333, label %335

333:
  %334 = icmp eq i64 %330, 0
  br label %337

335:
  %336 = icmp slt i64 %331, %1
  br i1 %336, label %326, label %337

337:
  %338 = phi i1 [ %334, %333 ], [ true, %335 ], [ true, %311 ]
  %339 = phi i64 [ %331, %333 ], [ -1, %335 ], [ -1, %311 ]
  %340 = icmp eq i64 %339, -1
  br i1 %340, label %349, label %341

341:
  %342 = phi i64 [ %305, %307 ], [ %305, %309 ], [ %339, %337 ]
  %343 = phi i1 [ false, %307 ], [ true, %309 ], [ %338, %337 ]
  br i1 %343, label %347, label %344

344:
  %345 = and i64 %277, 1
  %346 = icmp ne i64 %345, 0
  br label %349

347:
  %348 = add i64 %277, 1
  br label %275

349:
  %350 = phi i64 [ %266, %264 ], [ %342, %344 ], [ -1, %303 ], [ -1, %337 ]
  %351 = phi i1 [ false, %264 ], [ %346, %344 ], [ false, %303 ], [ false, %337 ]
  %352 = icmp eq i64 %350, -1
  br i1 %352, label %364, label %353

353:
  br i1 %351, label %354, label %24

354:
  %355 = icmp eq i64 %195, 0
  %356 = sub i64 0, %199
  %357 = select i1 %355, i64 %199, i64 %356
  %358 = icmp slt i64 %21, 0
  %359 = select i1 %358, i64 %6, i64 0
  %360 = getelementptr i64, ptr %5, i64 %21
  %361 = getelementptr i64, ptr %360, i64 %359
  store i64 %357, ptr %361, align 8
  br label %12

362:
  %363 = phi i64 [ %117, %120 ], [ %174, %181 ], [ %194, %197 ]
  br label %22

364:
  %365 = phi i64 [ %4, %12 ], [ %21, %349 ], [ %21, %193 ], [ %21, %173 ], [ %21, %116 ], [ %21, %51 ]
  store i64 %15, ptr %7, align 8
  store i64 %365, ptr %0, align 8
  ret void
}

declare i64 @llvm.smax.i64(i64, i64)
