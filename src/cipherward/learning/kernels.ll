; Written by `make kernels` from the Python source of this room's kernels. Do not edit.
; Python 3.11, numba 0.68.1, llvmlite 0.50.0, x86_64
define internal i1 @0(ptr %0, ptr %1, i64 %2, i32 %3, i32 %4) {
  %6 = load i64, ptr %0, align 8
  %7 = getelementptr i8, ptr %1, i64 %6
  %8 = getelementptr i8, ptr %7, i64 -8
  %9 = load i64, ptr %8, align 8
  %10 = getelementptr i8, ptr %0, i64 8
  %11 = load i64, ptr %10, align 8
  %12 = icmp eq i64 %9, %11
  br i1 %12, label %15, label %13

13:
  %14 = phi i1 [ %29, %15 ], [ false, %5 ]
  ret i1 %14

15:
  %16 = getelementptr i8, ptr %7, i64 8
  %17 = load i32, ptr %16, align 4
  %18 = icmp eq i32 %17, %3
  %19 = getelementptr i8, ptr %7, i64 40
  %20 = load i64, ptr %19, align 8
  %21 = getelementptr i64, ptr %0, i64 %2
  %22 = load i64, ptr %21, align 8
  %23 = icmp eq i64 %20, %22
  %24 = getelementptr i8, ptr %7, i64 48
  %25 = load i32, ptr %24, align 4
  %26 = and i32 %25, %4
  %27 = icmp eq i32 %26, %4
  %28 = and i1 %18, %23
  %29 = and i1 %28, %27
  br label %13
}

define i64 @elimination._eliminate(ptr %0, ptr %1, ptr %2) {
  %4 = load i64, ptr %0, align 8
  %5 = call i1 @0(ptr nonnull %0, ptr %1, i64 11, i32 2, i32 1281)
  br i1 %5, label %8, label %6

6:
  %7 = phi i64 [ %26, %17 ], [ -1, %3 ], [ -2, %8 ]
  ret i64 %7

8:
  %9 = getelementptr i8, ptr %1, i64 %4
  %10 = load ptr, ptr %9, align 8
  %11 = getelementptr i8, ptr %9, i64 16
  %12 = load ptr, ptr %11, align 8
  %13 = getelementptr i8, ptr %12, i64 8
  %14 = load i64, ptr %13, align 8
  %15 = load i64, ptr %12, align 8
  %16 = call i1 @0(ptr nonnull %0, ptr %2, i64 11, i32 2, i32 1281)
  br i1 %16, label %17, label %6

17:
  %18 = getelementptr i8, ptr %2, i64 %4
  %19 = load ptr, ptr %18, align 8
  %20 = getelementptr i8, ptr %18, i64 16
  %21 = load ptr, ptr %20, align 8
  %22 = getelementptr i8, ptr %21, i64 8
  %23 = load i64, ptr %22, align 8
  %24 = load i64, ptr %21, align 8
  %25 = alloca i64, align 8
  call void @1(ptr nonnull %25, ptr %10, i64 %15, i64 %14, ptr %19, i64 %24, i64 %23)
  %26 = load i64, ptr %25, align 8
  br label %6
}

define i64 @linear._fit_epoch(ptr %0, ptr %1, ptr %2, ptr %3, ptr %4, ptr %5, ptr %6, ptr %7, ptr %8, i64 %9, double %10, double %11, double %12, double %13, double %14, double %15) {
  %17 = load i64, ptr %0, align 8
  %18 = call i1 @0(ptr nonnull %0, ptr %1, i64 10, i32 1, i32 1281)
  br i1 %18, label %21, label %19

19:
  %20 = phi i64 [ 0, %74 ], [ -1, %16 ], [ -2, %21 ], [ -3, %30 ], [ -4, %37 ], [ -5, %44 ], [ -6, %51 ], [ -7, %58 ], [ -8, %67 ]
  ret i64 %20

21:
  %22 = getelementptr i8, ptr %1, i64 %17
  %23 = load ptr, ptr %22, align 8
  %24 = getelementptr i8, ptr %22, i64 16
  %25 = load ptr, ptr %24, align 8
  %26 = load i64, ptr %25, align 8
  %27 = shl i64 %26, 2
  %28 = ashr exact i64 %27, 2
  %29 = call i1 @0(ptr nonnull %0, ptr %2, i64 10, i32 1, i32 1281)
  br i1 %29, label %30, label %19

30:
  %31 = getelementptr i8, ptr %2, i64 %17
  %32 = load ptr, ptr %31, align 8
  %33 = getelementptr i8, ptr %31, i64 16
  %34 = load ptr, ptr %33, align 8
  %35 = load i64, ptr %34, align 8
  %36 = call i1 @0(ptr nonnull %0, ptr %3, i64 11, i32 1, i32 1281)
  br i1 %36, label %37, label %19

37:
  %38 = getelementptr i8, ptr %3, i64 %17
  %39 = load ptr, ptr %38, align 8
  %40 = getelementptr i8, ptr %38, i64 16
  %41 = load ptr, ptr %40, align 8
  %42 = load i64, ptr %41, align 8
  %43 = call i1 @0(ptr nonnull %0, ptr %4, i64 11, i32 1, i32 1281)
  br i1 %43, label %44, label %19

44:
  %45 = getelementptr i8, ptr %4, i64 %17
  %46 = load ptr, ptr %45, align 8
  %47 = getelementptr i8, ptr %45, i64 16
  %48 = load ptr, ptr %47, align 8
  %49 = load i64, ptr %48, align 8
  %50 = call i1 @0(ptr nonnull %0, ptr %5, i64 10, i32 1, i32 257)
  br i1 %50, label %51, label %19

51:
  %52 = getelementptr i8, ptr %5, i64 %17
  %53 = load ptr, ptr %52, align 8
  %54 = getelementptr i8, ptr %52, i64 16
  %55 = load ptr, ptr %54, align 8
  %56 = load i64, ptr %55, align 8
  %57 = call i1 @0(ptr nonnull %0, ptr %6, i64 10, i32 2, i32 257)
  br i1 %57, label %58, label %19

58:
  %59 = getelementptr i8, ptr %6, i64 %17
  %60 = load ptr, ptr %59, align 8
  %61 = getelementptr i8, ptr %59, i64 16
  %62 = load ptr, ptr %61, align 8
  %63 = getelementptr i8, ptr %62, i64 8
  %64 = load i64, ptr %63, align 8
  %65 = load i64, ptr %62, align 8
  %66 = call i1 @0(ptr nonnull %0, ptr %7, i64 2, i32 1, i32 257)
  br i1 %66, label %67, label %19

67:
  %68 = getelementptr i8, ptr %7, i64 %17
  %69 = load ptr, ptr %68, align 8
  %70 = getelementptr i8, ptr %68, i64 16
  %71 = load ptr, ptr %70, align 8
  %72 = load i64, ptr %71, align 8
  %73 = call i1 @0(ptr nonnull %0, ptr %8, i64 9, i32 1, i32 257)
  br i1 %73, label %74, label %19

74:
  %75 = getelementptr i8, ptr %8, i64 %17
  %76 = load ptr, ptr %75, align 8
  %77 = getelementptr i8, ptr %75, i64 16
  %78 = load ptr, ptr %77, align 8
  %79 = load i64, ptr %78, align 8
  %80 = shl i64 %79, 3
  %81 = ashr exact i64 %80, 3
  %82 = alloca ptr, align 8
  call void @2(ptr nonnull %82, i64 %28, ptr %23, i64 %26, ptr %32, i64 %35, ptr %39, i64 %42, ptr %46, i64 %49, ptr %53, i64 %56, ptr %60, i64 %65, i64 %64, ptr %69, i64 %72, i64 %81, ptr %76, i64 %79, i64 %9, double %10, double %11, double %12, double %13, double %14, double %15)
  br label %19
}

define i64 @linear._logits(ptr %0, ptr %1, ptr %2, ptr %3) {
  %5 = load i64, ptr %0, align 8
  %6 = call i1 @0(ptr nonnull %0, ptr %1, i64 10, i32 1, i32 257)
  br i1 %6, label %9, label %7

7:
  %8 = phi i64 [ 0, %27 ], [ -1, %4 ], [ -2, %9 ], [ -3, %18 ]
  ret i64 %8

9:
  %10 = getelementptr i8, ptr %1, i64 %5
  %11 = load ptr, ptr %10, align 8
  %12 = getelementptr i8, ptr %10, i64 16
  %13 = load ptr, ptr %12, align 8
  %14 = load i64, ptr %13, align 8
  %15 = shl i64 %14, 2
  %16 = ashr exact i64 %15, 2
  %17 = call i1 @0(ptr nonnull %0, ptr %2, i64 10, i32 2, i32 257)
  br i1 %17, label %18, label %7

18:
  %19 = getelementptr i8, ptr %2, i64 %5
  %20 = load ptr, ptr %19, align 8
  %21 = getelementptr i8, ptr %19, i64 16
  %22 = load ptr, ptr %21, align 8
  %23 = getelementptr i8, ptr %22, i64 8
  %24 = load i64, ptr %23, align 8
  %25 = load i64, ptr %22, align 8
  %26 = call i1 @0(ptr nonnull %0, ptr %3, i64 11, i32 1, i32 1281)
  br i1 %26, label %27, label %7

27:
  %28 = getelementptr i8, ptr %3, i64 %5
  %29 = load ptr, ptr %28, align 8
  %30 = getelementptr i8, ptr %28, i64 16
  %31 = load ptr, ptr %30, align 8
  %32 = load i64, ptr %31, align 8
  %33 = shl i64 %32, 3
  %34 = ashr exact i64 %33, 3
  %35 = alloca ptr, align 8
  call void @3(ptr nonnull %35, i64 %16, ptr %11, i64 %14, ptr %20, i64 %25, i64 %24, i64 %34, ptr %29, i64 %32)
  br label %7
}

define i64 @linear._sigmoids(ptr %0, ptr %1, ptr %2) {
  %4 = load i64, ptr %0, align 8
  %5 = call i1 @0(ptr nonnull %0, ptr %1, i64 11, i32 1, i32 257)
  br i1 %5, label %8, label %6

6:
  %7 = phi i64 [ 0, %15 ], [ -1, %3 ], [ -2, %8 ]
  ret i64 %7

8:
  %9 = getelementptr i8, ptr %1, i64 %4
  %10 = load ptr, ptr %9, align 8
  %11 = getelementptr i8, ptr %9, i64 16
  %12 = load ptr, ptr %11, align 8
  %13 = load i64, ptr %12, align 8
  %14 = call i1 @0(ptr nonnull %0, ptr %2, i64 11, i32 1, i32 1281)
  br i1 %14, label %15, label %6

15:
  %16 = getelementptr i8, ptr %2, i64 %4
  %17 = load ptr, ptr %16, align 8
  %18 = getelementptr i8, ptr %16, i64 16
  %19 = load ptr, ptr %18, align 8
  %20 = load i64, ptr %19, align 8
  %21 = shl i64 %20, 3
  %22 = ashr exact i64 %21, 3
  %23 = alloca ptr, align 8
  call void @4(ptr nonnull %23, ptr %10, i64 %13, i64 %22, ptr %17, i64 %20)
  br label %6
}

define i64 @linear._shuffle(ptr %0, ptr %1, ptr %2) {
  %4 = load i64, ptr %0, align 8
  %5 = call i1 @0(ptr nonnull %0, ptr %1, i64 9, i32 1, i32 1281)
  br i1 %5, label %8, label %6

6:
  %7 = phi i64 [ 0, %15 ], [ -1, %3 ], [ -2, %8 ]
  ret i64 %7

8:
  %9 = getelementptr i8, ptr %1, i64 %4
  %10 = load ptr, ptr %9, align 8
  %11 = getelementptr i8, ptr %9, i64 16
  %12 = load ptr, ptr %11, align 8
  %13 = load i64, ptr %12, align 8
  %14 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 1, i32 257)
  br i1 %14, label %15, label %6

15:
  %16 = shl i64 %13, 3
  %17 = ashr exact i64 %16, 3
  %18 = getelementptr i8, ptr %2, i64 %4
  %19 = load ptr, ptr %18, align 8
  %20 = getelementptr i8, ptr %18, i64 16
  %21 = load ptr, ptr %20, align 8
  %22 = load i64, ptr %21, align 8
  %23 = shl i64 %22, 2
  %24 = ashr exact i64 %23, 2
  %25 = alloca ptr, align 8
  call void @5(ptr nonnull %25, i64 %17, ptr %10, i64 %13, i64 %24, ptr %19, i64 %22)
  br label %6
}

define i64 @trees._add(ptr %0, ptr %1, ptr %2, ptr %3, ptr %4, ptr %5, ptr %6, ptr %7, ptr %8, ptr %9, ptr %10, ptr %11, ptr %12, ptr %13, ptr %14, ptr %15) {
  %17 = load i64, ptr %0, align 8
  %18 = call i1 @0(ptr nonnull %0, ptr %1, i64 3, i32 2, i32 257)
  br i1 %18, label %21, label %19

19:
  %20 = phi i64 [ 0, %133 ], [ -1, %16 ], [ -2, %21 ], [ -3, %30 ], [ -4, %37 ], [ -5, %44 ], [ -6, %51 ], [ -7, %58 ], [ -8, %67 ], [ -9, %74 ], [ -10, %81 ], [ -11, %88 ], [ -12, %97 ], [ -13, %104 ], [ -14, %113 ], [ -15, %123 ]
  ret i64 %20

21:
  %22 = getelementptr i8, ptr %1, i64 %17
  %23 = load ptr, ptr %22, align 8
  %24 = getelementptr i8, ptr %22, i64 16
  %25 = load ptr, ptr %24, align 8
  %26 = getelementptr i8, ptr %25, i64 8
  %27 = load i64, ptr %26, align 8
  %28 = load i64, ptr %25, align 8
  %29 = call i1 @0(ptr nonnull %0, ptr %2, i64 11, i32 1, i32 257)
  br i1 %29, label %30, label %19

30:
  %31 = getelementptr i8, ptr %2, i64 %17
  %32 = load ptr, ptr %31, align 8
  %33 = getelementptr i8, ptr %31, i64 16
  %34 = load ptr, ptr %33, align 8
  %35 = load i64, ptr %34, align 8
  %36 = call i1 @0(ptr nonnull %0, ptr %3, i64 11, i32 1, i32 257)
  br i1 %36, label %37, label %19

37:
  %38 = getelementptr i8, ptr %3, i64 %17
  %39 = load ptr, ptr %38, align 8
  %40 = getelementptr i8, ptr %38, i64 16
  %41 = load ptr, ptr %40, align 8
  %42 = load i64, ptr %41, align 8
  %43 = call i1 @0(ptr nonnull %0, ptr %4, i64 9, i32 1, i32 257)
  br i1 %43, label %44, label %19

44:
  %45 = getelementptr i8, ptr %4, i64 %17
  %46 = load ptr, ptr %45, align 8
  %47 = getelementptr i8, ptr %45, i64 16
  %48 = load ptr, ptr %47, align 8
  %49 = load i64, ptr %48, align 8
  %50 = call i1 @0(ptr nonnull %0, ptr %5, i64 9, i32 1, i32 257)
  br i1 %50, label %51, label %19

51:
  %52 = getelementptr i8, ptr %5, i64 %17
  %53 = load ptr, ptr %52, align 8
  %54 = getelementptr i8, ptr %52, i64 16
  %55 = load ptr, ptr %54, align 8
  %56 = load i64, ptr %55, align 8
  %57 = call i1 @0(ptr nonnull %0, ptr %6, i64 8, i32 1, i32 257)
  br i1 %57, label %58, label %19

58:
  %59 = getelementptr i8, ptr %6, i64 %17
  %60 = load ptr, ptr %59, align 8
  %61 = getelementptr i8, ptr %59, i64 16
  %62 = load ptr, ptr %61, align 8
  %63 = load i64, ptr %62, align 8
  %64 = shl i64 %63, 2
  %65 = ashr exact i64 %64, 2
  %66 = call i1 @0(ptr nonnull %0, ptr %7, i64 8, i32 1, i32 257)
  br i1 %66, label %67, label %19

67:
  %68 = getelementptr i8, ptr %7, i64 %17
  %69 = load ptr, ptr %68, align 8
  %70 = getelementptr i8, ptr %68, i64 16
  %71 = load ptr, ptr %70, align 8
  %72 = load i64, ptr %71, align 8
  %73 = call i1 @0(ptr nonnull %0, ptr %8, i64 8, i32 1, i32 257)
  br i1 %73, label %74, label %19

74:
  %75 = getelementptr i8, ptr %8, i64 %17
  %76 = load ptr, ptr %75, align 8
  %77 = getelementptr i8, ptr %75, i64 16
  %78 = load ptr, ptr %77, align 8
  %79 = load i64, ptr %78, align 8
  %80 = call i1 @0(ptr nonnull %0, ptr %9, i64 8, i32 1, i32 257)
  br i1 %80, label %81, label %19

81:
  %82 = getelementptr i8, ptr %9, i64 %17
  %83 = load ptr, ptr %82, align 8
  %84 = getelementptr i8, ptr %82, i64 16
  %85 = load ptr, ptr %84, align 8
  %86 = load i64, ptr %85, align 8
  %87 = call i1 @0(ptr nonnull %0, ptr %10, i64 12, i32 2, i32 257)
  br i1 %87, label %88, label %19

88:
  %89 = getelementptr i8, ptr %10, i64 %17
  %90 = load ptr, ptr %89, align 8
  %91 = getelementptr i8, ptr %89, i64 16
  %92 = load ptr, ptr %91, align 8
  %93 = getelementptr i8, ptr %92, i64 8
  %94 = load i64, ptr %93, align 8
  %95 = load i64, ptr %92, align 8
  %96 = call i1 @0(ptr nonnull %0, ptr %11, i64 8, i32 1, i32 257)
  br i1 %96, label %97, label %19

97:
  %98 = getelementptr i8, ptr %11, i64 %17
  %99 = load ptr, ptr %98, align 8
  %100 = getelementptr i8, ptr %98, i64 16
  %101 = load ptr, ptr %100, align 8
  %102 = load i64, ptr %101, align 8
  %103 = call i1 @0(ptr nonnull %0, ptr %12, i64 8, i32 2, i32 257)
  br i1 %103, label %104, label %19

104:
  %105 = getelementptr i8, ptr %12, i64 %17
  %106 = load ptr, ptr %105, align 8
  %107 = getelementptr i8, ptr %105, i64 16
  %108 = load ptr, ptr %107, align 8
  %109 = getelementptr i8, ptr %108, i64 8
  %110 = load i64, ptr %109, align 8
  %111 = load i64, ptr %108, align 8
  %112 = call i1 @0(ptr nonnull %0, ptr %13, i64 11, i32 3, i32 1281)
  br i1 %112, label %113, label %19

113:
  %114 = getelementptr i8, ptr %13, i64 %17
  %115 = load ptr, ptr %114, align 8
  %116 = getelementptr i8, ptr %114, i64 16
  %117 = load ptr, ptr %116, align 8
  %118 = getelementptr i8, ptr %117, i64 16
  %119 = load i64, ptr %118, align 8
  %120 = getelementptr i8, ptr %117, i64 8
  %121 = load i64, ptr %120, align 8
  %122 = call i1 @0(ptr nonnull %0, ptr %14, i64 11, i32 3, i32 1281)
  br i1 %122, label %123, label %19

123:
  %124 = getelementptr i8, ptr %14, i64 %17
  %125 = load ptr, ptr %124, align 8
  %126 = getelementptr i8, ptr %124, i64 16
  %127 = load ptr, ptr %126, align 8
  %128 = getelementptr i8, ptr %127, i64 16
  %129 = load i64, ptr %128, align 8
  %130 = getelementptr i8, ptr %127, i64 8
  %131 = load i64, ptr %130, align 8
  %132 = call i1 @0(ptr nonnull %0, ptr %15, i64 9, i32 3, i32 1281)
  br i1 %132, label %133, label %19

133:
  %134 = getelementptr i8, ptr %15, i64 %17
  %135 = load ptr, ptr %134, align 8
  %136 = getelementptr i8, ptr %134, i64 16
  %137 = load ptr, ptr %136, align 8
  %138 = getelementptr i8, ptr %137, i64 16
  %139 = load i64, ptr %138, align 8
  %140 = getelementptr i8, ptr %137, i64 8
  %141 = load i64, ptr %140, align 8
  %142 = alloca ptr, align 8
  call void @6(ptr nonnull %142, ptr %23, i64 %28, i64 %27, ptr %32, i64 %35, ptr %39, i64 %42, ptr %46, i64 %49, ptr %53, i64 %56, i64 %65, ptr %60, i64 %63, ptr %69, i64 %72, ptr %76, i64 %79, ptr %83, i64 %86, ptr %90, i64 %95, i64 %94, ptr %99, i64 %102, ptr %106, i64 %111, i64 %110, ptr %115, i64 %121, i64 %119, ptr %125, i64 %131, i64 %129, ptr %135, i64 %141, i64 %139)
  br label %19
}

define i64 @trees._search(ptr %0, ptr %1, ptr %2, ptr %3, ptr %4, ptr %5, ptr %6, i64 %7, ptr %8, ptr %9, ptr %10, ptr %11, ptr %12, ptr %13, ptr %14, ptr %15, ptr %16) {
  %18 = load i64, ptr %0, align 8
  %19 = call i1 @0(ptr nonnull %0, ptr %1, i64 11, i32 3, i32 257)
  br i1 %19, label %22, label %20

20:
  %21 = phi i64 [ 0, %138 ], [ -1, %17 ], [ -2, %22 ], [ -3, %33 ], [ -4, %44 ], [ -5, %55 ], [ -6, %64 ], [ -8, %73 ], [ -9, %82 ], [ -10, %89 ], [ -11, %96 ], [ -12, %100 ], [ -13, %104 ], [ -14, %111 ], [ -15, %118 ], [ -16, %127 ]
  ret i64 %21

22:
  %23 = getelementptr i8, ptr %1, i64 %18
  %24 = load ptr, ptr %23, align 8
  %25 = getelementptr i8, ptr %23, i64 16
  %26 = load ptr, ptr %25, align 8
  %27 = getelementptr i8, ptr %26, i64 16
  %28 = load i64, ptr %27, align 8
  %29 = getelementptr i8, ptr %26, i64 8
  %30 = load i64, ptr %29, align 8
  %31 = load i64, ptr %26, align 8
  %32 = call i1 @0(ptr nonnull %0, ptr %2, i64 11, i32 3, i32 257)
  br i1 %32, label %33, label %20

33:
  %34 = getelementptr i8, ptr %2, i64 %18
  %35 = load ptr, ptr %34, align 8
  %36 = getelementptr i8, ptr %34, i64 16
  %37 = load ptr, ptr %36, align 8
  %38 = getelementptr i8, ptr %37, i64 16
  %39 = load i64, ptr %38, align 8
  %40 = getelementptr i8, ptr %37, i64 8
  %41 = load i64, ptr %40, align 8
  %42 = load i64, ptr %37, align 8
  %43 = call i1 @0(ptr nonnull %0, ptr %3, i64 9, i32 3, i32 257)
  br i1 %43, label %44, label %20

44:
  %45 = getelementptr i8, ptr %3, i64 %18
  %46 = load ptr, ptr %45, align 8
  %47 = getelementptr i8, ptr %45, i64 16
  %48 = load ptr, ptr %47, align 8
  %49 = getelementptr i8, ptr %48, i64 16
  %50 = load i64, ptr %49, align 8
  %51 = getelementptr i8, ptr %48, i64 8
  %52 = load i64, ptr %51, align 8
  %53 = load i64, ptr %48, align 8
  %54 = call i1 @0(ptr nonnull %0, ptr %4, i64 8, i32 2, i32 257)
  br i1 %54, label %55, label %20

55:
  %56 = getelementptr i8, ptr %4, i64 %18
  %57 = load ptr, ptr %56, align 8
  %58 = getelementptr i8, ptr %56, i64 16
  %59 = load ptr, ptr %58, align 8
  %60 = getelementptr i8, ptr %59, i64 8
  %61 = load i64, ptr %60, align 8
  %62 = load i64, ptr %59, align 8
  %63 = call i1 @0(ptr nonnull %0, ptr %5, i64 12, i32 2, i32 257)
  br i1 %63, label %64, label %20

64:
  %65 = getelementptr i8, ptr %5, i64 %18
  %66 = load ptr, ptr %65, align 8
  %67 = getelementptr i8, ptr %65, i64 16
  %68 = load ptr, ptr %67, align 8
  %69 = getelementptr i8, ptr %68, i64 8
  %70 = load i64, ptr %69, align 8
  %71 = load i64, ptr %68, align 8
  %72 = call i1 @0(ptr nonnull %0, ptr %6, i64 8, i32 2, i32 257)
  br i1 %72, label %73, label %20

73:
  %74 = getelementptr i8, ptr %6, i64 %18
  %75 = load ptr, ptr %74, align 8
  %76 = getelementptr i8, ptr %74, i64 16
  %77 = load ptr, ptr %76, align 8
  %78 = getelementptr i8, ptr %77, i64 8
  %79 = load i64, ptr %78, align 8
  %80 = load i64, ptr %77, align 8
  %81 = call i1 @0(ptr nonnull %0, ptr %8, i64 9, i32 1, i32 1281)
  br i1 %81, label %82, label %20

82:
  %83 = getelementptr i8, ptr %8, i64 %18
  %84 = load ptr, ptr %83, align 8
  %85 = getelementptr i8, ptr %83, i64 16
  %86 = load ptr, ptr %85, align 8
  %87 = load i64, ptr %86, align 8
  %88 = call i1 @0(ptr nonnull %0, ptr %9, i64 11, i32 1, i32 1281)
  br i1 %88, label %89, label %20

89:
  %90 = getelementptr i8, ptr %9, i64 %18
  %91 = load ptr, ptr %90, align 8
  %92 = getelementptr i8, ptr %90, i64 16
  %93 = load ptr, ptr %92, align 8
  %94 = load i64, ptr %93, align 8
  %95 = call i1 @0(ptr nonnull %0, ptr %10, i64 11, i32 1, i32 1281)
  br i1 %95, label %96, label %20

96:
  %97 = getelementptr i8, ptr %10, i64 %18
  %98 = load ptr, ptr %97, align 8
  %99 = call i1 @0(ptr nonnull %0, ptr %11, i64 11, i32 1, i32 1281)
  br i1 %99, label %100, label %20

100:
  %101 = getelementptr i8, ptr %11, i64 %18
  %102 = load ptr, ptr %101, align 8
  %103 = call i1 @0(ptr nonnull %0, ptr %12, i64 11, i32 1, i32 1281)
  br i1 %103, label %104, label %20

104:
  %105 = getelementptr i8, ptr %12, i64 %18
  %106 = load ptr, ptr %105, align 8
  %107 = getelementptr i8, ptr %105, i64 16
  %108 = load ptr, ptr %107, align 8
  %109 = load i64, ptr %108, align 8
  %110 = call i1 @0(ptr nonnull %0, ptr %13, i64 8, i32 1, i32 1281)
  br i1 %110, label %111, label %20

111:
  %112 = getelementptr i8, ptr %13, i64 %18
  %113 = load ptr, ptr %112, align 8
  %114 = getelementptr i8, ptr %112, i64 16
  %115 = load ptr, ptr %114, align 8
  %116 = load i64, ptr %115, align 8
  %117 = call i1 @0(ptr nonnull %0, ptr %14, i64 12, i32 2, i32 1281)
  br i1 %117, label %118, label %20

118:
  %119 = getelementptr i8, ptr %14, i64 %18
  %120 = load ptr, ptr %119, align 8
  %121 = getelementptr i8, ptr %119, i64 16
  %122 = load ptr, ptr %121, align 8
  %123 = getelementptr i8, ptr %122, i64 8
  %124 = load i64, ptr %123, align 8
  %125 = load i64, ptr %122, align 8
  %126 = call i1 @0(ptr nonnull %0, ptr %15, i64 11, i32 3, i32 1281)
  br i1 %126, label %127, label %20

127:
  %128 = getelementptr i8, ptr %15, i64 %18
  %129 = load ptr, ptr %128, align 8
  %130 = getelementptr i8, ptr %128, i64 16
  %131 = load ptr, ptr %130, align 8
  %132 = getelementptr i8, ptr %131, i64 16
  %133 = load i64, ptr %132, align 8
  %134 = getelementptr i8, ptr %131, i64 8
  %135 = load i64, ptr %134, align 8
  %136 = load i64, ptr %131, align 8
  %137 = call i1 @0(ptr nonnull %0, ptr %16, i64 9, i32 2, i32 1281)
  br i1 %137, label %138, label %20

138:
  %139 = getelementptr i8, ptr %16, i64 %18
  %140 = load ptr, ptr %139, align 8
  %141 = getelementptr i8, ptr %139, i64 16
  %142 = load ptr, ptr %141, align 8
  %143 = getelementptr i8, ptr %142, i64 8
  %144 = load i64, ptr %143, align 8
  %145 = load i64, ptr %142, align 8
  %146 = alloca ptr, align 8
  call void @7(ptr nonnull %146, ptr %24, i64 %31, i64 %30, i64 %28, ptr %35, i64 %42, i64 %41, i64 %39, ptr %46, i64 %53, i64 %52, i64 %50, ptr %57, i64 %62, i64 %61, ptr %66, i64 %71, i64 %70, ptr %75, i64 %80, i64 %79, i64 %7, ptr %84, i64 %87, ptr %91, i64 %94, ptr %98, ptr %102, ptr %106, i64 %109, ptr %113, i64 %116, ptr %120, i64 %125, i64 %124, ptr %129, i64 %136, i64 %135, i64 %133, ptr %140, i64 %145, i64 %144)
  br label %20
}

define internal void @1(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, ptr %4, i64 %5, i64 %6) {
  %8 = icmp slt i64 %6, 1
  br i1 %8, label %456, label %450

9:
  %10 = phi i64 [ 0, %456 ], [ %462, %512 ]
  %11 = phi i64 [ %457, %456 ], [ %463, %512 ]
  %12 = icmp sgt i64 %11, 0
  br i1 %12, label %458, label %461

13:
  %14 = call i64 @llvm.smin.i64(i64 %6, i64 %464)
  %15 = sub i64 %14, %465
  %16 = icmp slt i64 %15, 1
  %17 = select i1 %16, i64 0, i64 %15
  br label %18

18:
  %19 = phi i64 [ %465, %13 ], [ %468, %27 ]
  %20 = phi i64 [ %17, %13 ], [ %467, %27 ]
  %21 = icmp sgt i64 %20, 0
  br i1 %21, label %466, label %35

22:
  %23 = phi i64 [ 1, %466 ], [ 0, %422 ]
  store i64 %23, ptr %0, align 8
  ret void

24:
  %25 = sub i64 %6, %468
  %26 = call i64 @llvm.smax.i64(i64 %25, i64 0)
  br label %27

27:
  %28 = phi i64 [ %468, %24 ], [ %481, %31 ]
  %29 = phi i64 [ %26, %24 ], [ %480, %31 ]
  %30 = icmp sgt i64 %29, 0
  br i1 %30, label %479, label %18

31:
  %32 = phi i64 [ %468, %479 ], [ %497, %495 ]
  %33 = phi i64 [ %494, %479 ], [ %496, %495 ]
  %34 = icmp sgt i64 %33, 0
  br i1 %34, label %495, label %27

35:
  %36 = sub i64 %6, %14
  %37 = add nuw i64 %36, 511
  %38 = lshr i64 %37, 9
  %39 = icmp sgt i64 %36, 0
  %40 = select i1 %39, i64 %38, i64 0
  br label %41

41:
  %42 = phi i64 [ %14, %35 ], [ %513, %419 ]
  %43 = phi i64 [ %40, %35 ], [ %514, %419 ]
  %44 = icmp sgt i64 %43, 0
  br i1 %44, label %509, label %512

45:
  %46 = call i64 @llvm.smin.i64(i64 %6, i64 %515)
  %47 = xor i64 %14, -1
  %48 = add i64 %6, %47
  %49 = and i64 %48, 1
  %50 = lshr i64 %48, 1
  %51 = add nuw nsw i64 %50, %49
  %52 = icmp sgt i64 %48, 0
  %53 = select i1 %52, i64 %51, i64 0
  br label %54

54:
  %55 = phi i64 [ %14, %45 ], [ %59, %64 ]
  %56 = phi i64 [ %53, %45 ], [ %61, %64 ]
  %57 = icmp sgt i64 %56, 0
  %58 = add i64 %55, 2
  %59 = select i1 %57, i64 %58, i64 %55
  %60 = sext i1 %57 to i64
  %61 = add nsw i64 %56, %60
  %62 = select i1 %57, i64 %55, i64 0
  br i1 %57, label %63, label %248

63:
  br i1 %16, label %523, label %517

64:
  %65 = phi i64 [ %465, %523 ], [ %69, %113 ]
  %66 = phi i64 [ %524, %523 ], [ %71, %113 ]
  %67 = icmp sgt i64 %66, 0
  %68 = add i64 %65, 3
  %69 = select i1 %67, i64 %68, i64 %65
  %70 = sext i1 %67 to i64
  %71 = add nsw i64 %66, %70
  %72 = select i1 %67, i64 %65, i64 0
  br i1 %67, label %73, label %54

73:
  %74 = add nsw i64 %62, 1
  %75 = icmp slt i64 %62, 0
  %76 = select i1 %75, i64 %2, i64 0
  %77 = add i64 %62, %76
  %78 = icmp slt i64 %72, 0
  %79 = select i1 %78, i64 %3, i64 0
  %80 = mul i64 %77, %3
  %81 = getelementptr double, ptr %1, i64 %80
  %82 = getelementptr double, ptr %81, i64 %72
  %83 = getelementptr double, ptr %82, i64 %79
  %84 = load double, ptr %83, align 8
  %85 = icmp slt i64 %72, -1
  %86 = select i1 %85, i64 %3, i64 0
  %87 = getelementptr i8, ptr %82, i64 8
  %88 = getelementptr double, ptr %87, i64 %86
  %89 = load double, ptr %88, align 8
  %90 = icmp slt i64 %72, -2
  %91 = select i1 %90, i64 %3, i64 0
  %92 = getelementptr i8, ptr %82, i64 16
  %93 = getelementptr double, ptr %92, i64 %91
  %94 = load double, ptr %93, align 8
  %95 = icmp slt i64 %62, -1
  %96 = select i1 %95, i64 %2, i64 0
  %97 = add i64 %74, %96
  %98 = mul i64 %97, %3
  %99 = getelementptr double, ptr %1, i64 %98
  %100 = getelementptr double, ptr %99, i64 %72
  %101 = getelementptr double, ptr %100, i64 %79
  %102 = load double, ptr %101, align 8
  %103 = getelementptr i8, ptr %100, i64 8
  %104 = getelementptr double, ptr %103, i64 %86
  %105 = load double, ptr %104, align 8
  %106 = getelementptr i8, ptr %100, i64 16
  %107 = getelementptr double, ptr %106, i64 %91
  %108 = load double, ptr %107, align 8
  %109 = icmp slt i64 %516, 0
  %110 = select i1 %109, i64 %3, i64 0
  %111 = add i64 %516, %110
  %112 = icmp slt i64 %111, 0
  br i1 %112, label %122, label %123

113:
  %114 = phi i64 [ 0, %195 ], [ %214, %212 ]
  %115 = phi i64 [ %120, %195 ], [ %213, %212 ]
  %116 = icmp sgt i64 %115, 0
  br i1 %116, label %212, label %64

117:
  %118 = phi i64 [ %135, %134 ], [ %3, %137 ]
  %119 = sub i64 %118, %128
  %120 = call i64 @llvm.smax.i64(i64 %119, i64 0)
  %121 = getelementptr double, ptr %81, i64 %128
  br i1 %112, label %145, label %146

122:
  br label %123

123:
  %124 = phi i64 [ 0, %122 ], [ %111, %73 ]
  %125 = icmp slt i64 %111, %3
  br i1 %125, label %127, label %126

126:
  br label %127

127:
  %128 = phi i64 [ %3, %126 ], [ %124, %123 ]
  %129 = icmp slt i64 %46, 0
  %130 = select i1 %129, i64 %3, i64 0
  %131 = add i64 %46, %130
  %132 = icmp slt i64 %131, 0
  br i1 %132, label %133, label %134

133:
  br label %134

134:
  %135 = phi i64 [ 0, %133 ], [ %131, %127 ]
  %136 = icmp slt i64 %131, %3
  br i1 %136, label %117, label %137

137:
  br label %117

138:
  %139 = phi i64 [ %153, %152 ], [ %3, %154 ]
  %140 = sub i64 %139, %150
  %141 = call i64 @llvm.smax.i64(i64 %140, i64 0)
  %142 = getelementptr double, ptr %99, i64 %150
  %143 = select i1 %78, i64 %2, i64 0
  %144 = add i64 %72, %143
  br i1 %112, label %165, label %166

145:
  br label %146

146:
  %147 = phi i64 [ 0, %145 ], [ %111, %117 ]
  br i1 %125, label %149, label %148

148:
  br label %149

149:
  %150 = phi i64 [ %3, %148 ], [ %147, %146 ]
  br i1 %132, label %151, label %152

151:
  br label %152

152:
  %153 = phi i64 [ 0, %151 ], [ %131, %149 ]
  br i1 %136, label %138, label %154

154:
  br label %138

155:
  %156 = phi i64 [ %173, %172 ], [ %3, %174 ]
  %157 = sub i64 %156, %170
  %158 = call i64 @llvm.smax.i64(i64 %157, i64 0)
  %159 = mul i64 %144, %3
  %160 = getelementptr double, ptr %1, i64 %159
  %161 = getelementptr double, ptr %160, i64 %170
  %162 = add nsw i64 %72, 1
  %163 = select i1 %85, i64 %2, i64 0
  %164 = add i64 %162, %163
  br i1 %112, label %185, label %186

165:
  br label %166

166:
  %167 = phi i64 [ 0, %165 ], [ %111, %138 ]
  br i1 %125, label %169, label %168

168:
  br label %169

169:
  %170 = phi i64 [ %3, %168 ], [ %167, %166 ]
  br i1 %132, label %171, label %172

171:
  br label %172

172:
  %173 = phi i64 [ 0, %171 ], [ %131, %169 ]
  br i1 %136, label %155, label %174

174:
  br label %155

175:
  %176 = phi i64 [ %193, %192 ], [ %3, %194 ]
  %177 = sub i64 %176, %190
  %178 = call i64 @llvm.smax.i64(i64 %177, i64 0)
  %179 = mul i64 %164, %3
  %180 = getelementptr double, ptr %1, i64 %179
  %181 = getelementptr double, ptr %180, i64 %190
  %182 = add nsw i64 %72, 2
  %183 = select i1 %90, i64 %2, i64 0
  %184 = add i64 %182, %183
  br i1 %112, label %202, label %203

185:
  br label %186

186:
  %187 = phi i64 [ 0, %185 ], [ %111, %155 ]
  br i1 %125, label %189, label %188

188:
  br label %189

189:
  %190 = phi i64 [ %3, %188 ], [ %187, %186 ]
  br i1 %132, label %191, label %192

191:
  br label %192

192:
  %193 = phi i64 [ 0, %191 ], [ %131, %189 ]
  br i1 %136, label %175, label %194

194:
  br label %175

195:
  %196 = phi i64 [ %210, %209 ], [ %3, %211 ]
  %197 = sub i64 %196, %207
  %198 = call i64 @llvm.smax.i64(i64 %197, i64 0)
  %199 = mul i64 %184, %3
  %200 = getelementptr double, ptr %1, i64 %199
  %201 = getelementptr double, ptr %200, i64 %207
  br label %113

202:
  br label %203

203:
  %204 = phi i64 [ 0, %202 ], [ %111, %175 ]
  br i1 %125, label %206, label %205

205:
  br label %206

206:
  %207 = phi i64 [ %3, %205 ], [ %204, %203 ]
  br i1 %132, label %208, label %209

208:
  br label %209

209:
  %210 = phi i64 [ 0, %208 ], [ %131, %206 ]
  br i1 %136, label %195, label %211

211:
  br label %195

212:
  %213 = add nsw i64 %115, -1
  %214 = add i64 %114, 1
  %215 = icmp slt i64 %114, 0
  %216 = select i1 %215, i64 %158, i64 0
  %217 = getelementptr double, ptr %161, i64 %114
  %218 = getelementptr double, ptr %217, i64 %216
  %219 = load double, ptr %218, align 8
  %220 = select i1 %215, i64 %178, i64 0
  %221 = getelementptr double, ptr %181, i64 %114
  %222 = getelementptr double, ptr %221, i64 %220
  %223 = load double, ptr %222, align 8
  %224 = select i1 %215, i64 %198, i64 0
  %225 = getelementptr double, ptr %201, i64 %114
  %226 = getelementptr double, ptr %225, i64 %224
  %227 = load double, ptr %226, align 8
  %228 = select i1 %215, i64 %120, i64 0
  %229 = getelementptr double, ptr %121, i64 %114
  %230 = getelementptr double, ptr %229, i64 %228
  %231 = load double, ptr %230, align 8
  %232 = fmul double %84, %219
  %233 = fsub double %231, %232
  %234 = fmul double %89, %223
  %235 = fsub double %233, %234
  %236 = fmul double %94, %227
  %237 = fsub double %235, %236
  %238 = select i1 %215, i64 %141, i64 0
  %239 = getelementptr double, ptr %142, i64 %114
  %240 = getelementptr double, ptr %239, i64 %238
  %241 = load double, ptr %240, align 8
  %242 = fmul double %102, %219
  %243 = fsub double %241, %242
  %244 = fmul double %105, %223
  %245 = fsub double %243, %244
  %246 = fmul double %108, %227
  %247 = fsub double %245, %246
  store double %237, ptr %230, align 8
  store double %247, ptr %240, align 8
  br label %113

248:
  %249 = and i64 %36, 1
  %250 = icmp eq i64 %249, 0
  br i1 %250, label %419, label %251

251:
  br i1 %16, label %531, label %525

252:
  %253 = phi i64 [ %465, %531 ], [ %257, %287 ]
  %254 = phi i64 [ %532, %531 ], [ %259, %287 ]
  %255 = icmp sgt i64 %254, 0
  %256 = add i64 %253, 3
  %257 = select i1 %255, i64 %256, i64 %253
  %258 = sext i1 %255 to i64
  %259 = add nsw i64 %254, %258
  %260 = select i1 %255, i64 %253, i64 0
  br i1 %255, label %261, label %419

261:
  %262 = add nsw i64 %6, -1
  %263 = icmp sgt i64 %6, 0
  %264 = select i1 %263, i64 0, i64 %2
  %265 = add i64 %262, %264
  %266 = icmp slt i64 %260, 0
  %267 = select i1 %266, i64 %3, i64 0
  %268 = mul i64 %265, %3
  %269 = getelementptr double, ptr %1, i64 %268
  %270 = getelementptr double, ptr %269, i64 %260
  %271 = getelementptr double, ptr %270, i64 %267
  %272 = load double, ptr %271, align 8
  %273 = icmp slt i64 %260, -1
  %274 = select i1 %273, i64 %3, i64 0
  %275 = getelementptr i8, ptr %270, i64 8
  %276 = getelementptr double, ptr %275, i64 %274
  %277 = load double, ptr %276, align 8
  %278 = icmp slt i64 %260, -2
  %279 = select i1 %278, i64 %3, i64 0
  %280 = getelementptr i8, ptr %270, i64 16
  %281 = getelementptr double, ptr %280, i64 %279
  %282 = load double, ptr %281, align 8
  %283 = icmp slt i64 %516, 0
  %284 = select i1 %283, i64 %3, i64 0
  %285 = add i64 %516, %284
  %286 = icmp slt i64 %285, 0
  br i1 %286, label %296, label %297

287:
  %288 = phi i64 [ 0, %369 ], [ %388, %386 ]
  %289 = phi i64 [ %294, %369 ], [ %387, %386 ]
  %290 = icmp sgt i64 %289, 0
  br i1 %290, label %386, label %252

291:
  %292 = phi i64 [ %309, %308 ], [ %3, %311 ]
  %293 = sub i64 %292, %302
  %294 = call i64 @llvm.smax.i64(i64 %293, i64 0)
  %295 = getelementptr double, ptr %269, i64 %302
  br i1 %286, label %319, label %320

296:
  br label %297

297:
  %298 = phi i64 [ 0, %296 ], [ %285, %261 ]
  %299 = icmp slt i64 %285, %3
  br i1 %299, label %301, label %300

300:
  br label %301

301:
  %302 = phi i64 [ %3, %300 ], [ %298, %297 ]
  %303 = icmp slt i64 %46, 0
  %304 = select i1 %303, i64 %3, i64 0
  %305 = add i64 %46, %304
  %306 = icmp slt i64 %305, 0
  br i1 %306, label %307, label %308

307:
  br label %308

308:
  %309 = phi i64 [ 0, %307 ], [ %305, %301 ]
  %310 = icmp slt i64 %305, %3
  br i1 %310, label %291, label %311

311:
  br label %291

312:
  %313 = phi i64 [ %327, %326 ], [ %3, %328 ]
  %314 = sub i64 %313, %324
  %315 = call i64 @llvm.smax.i64(i64 %314, i64 0)
  %316 = getelementptr double, ptr %269, i64 %324
  %317 = select i1 %266, i64 %2, i64 0
  %318 = add i64 %260, %317
  br i1 %286, label %339, label %340

319:
  br label %320

320:
  %321 = phi i64 [ 0, %319 ], [ %285, %291 ]
  br i1 %299, label %323, label %322

322:
  br label %323

323:
  %324 = phi i64 [ %3, %322 ], [ %321, %320 ]
  br i1 %306, label %325, label %326

325:
  br label %326

326:
  %327 = phi i64 [ 0, %325 ], [ %305, %323 ]
  br i1 %310, label %312, label %328

328:
  br label %312

329:
  %330 = phi i64 [ %347, %346 ], [ %3, %348 ]
  %331 = sub i64 %330, %344
  %332 = call i64 @llvm.smax.i64(i64 %331, i64 0)
  %333 = mul i64 %318, %3
  %334 = getelementptr double, ptr %1, i64 %333
  %335 = getelementptr double, ptr %334, i64 %344
  %336 = add nsw i64 %260, 1
  %337 = select i1 %273, i64 %2, i64 0
  %338 = add i64 %336, %337
  br i1 %286, label %359, label %360

339:
  br label %340

340:
  %341 = phi i64 [ 0, %339 ], [ %285, %312 ]
  br i1 %299, label %343, label %342

342:
  br label %343

343:
  %344 = phi i64 [ %3, %342 ], [ %341, %340 ]
  br i1 %306, label %345, label %346

345:
  br label %346

346:
  %347 = phi i64 [ 0, %345 ], [ %305, %343 ]
  br i1 %310, label %329, label %348

348:
  br label %329

349:
  %350 = phi i64 [ %367, %366 ], [ %3, %368 ]
  %351 = sub i64 %350, %364
  %352 = call i64 @llvm.smax.i64(i64 %351, i64 0)
  %353 = mul i64 %338, %3
  %354 = getelementptr double, ptr %1, i64 %353
  %355 = getelementptr double, ptr %354, i64 %364
  %356 = add nsw i64 %260, 2
  %357 = select i1 %278, i64 %2, i64 0
  %358 = add i64 %356, %357
  br i1 %286, label %376, label %377

359:
  br label %360

360:
  %361 = phi i64 [ 0, %359 ], [ %285, %329 ]
  br i1 %299, label %363, label %362

362:
  br label %363

363:
  %364 = phi i64 [ %3, %362 ], [ %361, %360 ]
  br i1 %306, label %365, label %366

365:
  br label %366

366:
  %367 = phi i64 [ 0, %365 ], [ %305, %363 ]
  br i1 %310, label %349, label %368

368:
  br label %349

369:
  %370 = phi i64 [ %384, %383 ], [ %3, %385 ]
  %371 = sub i64 %370, %381
  %372 = call i64 @llvm.smax.i64(i64 %371, i64 0)
  %373 = mul i64 %358, %3
  %374 = getelementptr double, ptr %1, i64 %373
  %375 = getelementptr double, ptr %374, i64 %381
  br label %287

376:
  br label %377

377:
  %378 = phi i64 [ 0, %376 ], [ %285, %349 ]
  br i1 %299, label %380, label %379

379:
  br label %380

380:
  %381 = phi i64 [ %3, %379 ], [ %378, %377 ]
  br i1 %306, label %382, label %383

382:
  br label %383

383:
  %384 = phi i64 [ 0, %382 ], [ %305, %380 ]
  br i1 %310, label %369, label %385

385:
  br label %369

386:
  %387 = add nsw i64 %289, -1
  %388 = add i64 %288, 1
  %389 = icmp slt i64 %288, 0
  %390 = select i1 %389, i64 %332, i64 0
  %391 = getelementptr double, ptr %335, i64 %288
  %392 = getelementptr double, ptr %391, i64 %390
  %393 = load double, ptr %392, align 8
  %394 = select i1 %389, i64 %352, i64 0
  %395 = getelementptr double, ptr %355, i64 %288
  %396 = getelementptr double, ptr %395, i64 %394
  %397 = load double, ptr %396, align 8
  %398 = select i1 %389, i64 %372, i64 0
  %399 = getelementptr double, ptr %375, i64 %288
  %400 = getelementptr double, ptr %399, i64 %398
  %401 = load double, ptr %400, align 8
  %402 = select i1 %389, i64 %294, i64 0
  %403 = getelementptr double, ptr %295, i64 %288
  %404 = getelementptr double, ptr %403, i64 %402
  %405 = load double, ptr %404, align 8
  %406 = fmul double %272, %393
  %407 = fsub double %405, %406
  %408 = fmul double %277, %397
  %409 = fsub double %407, %408
  %410 = fmul double %282, %401
  %411 = fsub double %409, %410
  %412 = select i1 %389, i64 %315, i64 0
  %413 = getelementptr double, ptr %316, i64 %288
  %414 = getelementptr double, ptr %413, i64 %412
  %415 = load double, ptr %414, align 8
  %416 = fsub double %415, %406
  %417 = fsub double %416, %408
  %418 = fsub double %417, %410
  store double %411, ptr %404, align 8
  store double %418, ptr %414, align 8
  br label %287

419:
  br label %41

420:
  %421 = call i64 @llvm.smax.i64(i64 %5, i64 0)
  br label %422

422:
  %423 = phi i64 [ 0, %420 ], [ %535, %441 ]
  %424 = phi i64 [ %421, %420 ], [ %534, %441 ]
  %425 = icmp sgt i64 %424, 0
  br i1 %425, label %533, label %22

426:
  %427 = phi i64 [ 0, %533 ], [ %539, %430 ]
  %428 = phi i64 [ %536, %533 ], [ %538, %430 ]
  %429 = icmp sgt i64 %428, 0
  br i1 %429, label %537, label %434

430:
  %431 = phi i64 [ %539, %537 ], [ %544, %542 ]
  %432 = phi i64 [ %541, %537 ], [ %543, %542 ]
  %433 = icmp sgt i64 %432, 0
  br i1 %433, label %542, label %426

434:
  %435 = phi i64 [ %572, %570 ], [ 0, %426 ]
  %436 = phi i64 [ %571, %570 ], [ %536, %426 ]
  %437 = icmp sgt i64 %436, 0
  br i1 %437, label %570, label %438

438:
  %439 = icmp ugt i64 %6, -9223372036854775808
  %440 = select i1 %439, i64 0, i64 %6
  br label %441

441:
  %442 = phi i64 [ %6, %438 ], [ %444, %446 ]
  %443 = phi i64 [ %440, %438 ], [ %593, %446 ]
  %444 = add i64 %442, -1
  %445 = icmp sgt i64 %443, 0
  br i1 %445, label %592, label %422

446:
  %447 = phi i64 [ 0, %592 ], [ %597, %595 ]
  %448 = phi i64 [ %594, %592 ], [ %596, %595 ]
  %449 = icmp sgt i64 %448, 0
  br i1 %449, label %595, label %441

450:
  %451 = urem i64 %6, 48
  %452 = icmp ne i64 %451, 0
  %453 = udiv i64 %6, 48
  %454 = zext i1 %452 to i64
  %455 = add nuw nsw i64 %453, %454
  br label %456

456:
  %457 = phi i64 [ %455, %450 ], [ 0, %7 ]
  br label %9

458:
  %459 = add nsw i64 %11, -1
  %460 = add i64 %10, 48
  br label %461

461:
  %462 = phi i64 [ %460, %458 ], [ %10, %9 ]
  %463 = phi i64 [ %459, %458 ], [ 0, %9 ]
  %464 = phi i64 [ %460, %458 ], [ 48, %9 ]
  %465 = phi i64 [ %10, %458 ], [ 0, %9 ]
  br i1 %12, label %13, label %420

466:
  %467 = add nsw i64 %20, -1
  %468 = add i64 %19, 1
  %469 = icmp slt i64 %19, 0
  %470 = select i1 %469, i64 %2, i64 0
  %471 = add i64 %19, %470
  %472 = select i1 %469, i64 %3, i64 0
  %473 = mul i64 %471, %3
  %474 = getelementptr double, ptr %1, i64 %473
  %475 = getelementptr double, ptr %474, i64 %19
  %476 = getelementptr double, ptr %475, i64 %472
  %477 = load double, ptr %476, align 8
  %478 = fcmp ogt double %477, 0.000000e+00
  br i1 %478, label %24, label %22

479:
  %480 = add nsw i64 %29, -1
  %481 = add i64 %28, 1
  %482 = icmp slt i64 %28, 0
  %483 = select i1 %482, i64 %2, i64 0
  %484 = add i64 %28, %483
  %485 = mul i64 %484, %3
  %486 = getelementptr double, ptr %1, i64 %485
  %487 = getelementptr double, ptr %486, i64 %19
  %488 = getelementptr double, ptr %487, i64 %472
  %489 = load double, ptr %488, align 8
  %490 = fdiv double %489, %477
  store double %490, ptr %488, align 8
  %491 = icmp slt i64 %28, %14
  %492 = select i1 %491, i64 %6, i64 %14
  %493 = sub i64 %492, %468
  %494 = call i64 @llvm.smax.i64(i64 %493, i64 0)
  br label %31

495:
  %496 = add nsw i64 %33, -1
  %497 = add i64 %32, 1
  %498 = icmp slt i64 %32, 0
  %499 = select i1 %498, i64 %3, i64 0
  %500 = getelementptr double, ptr %486, i64 %32
  %501 = getelementptr double, ptr %500, i64 %499
  %502 = load double, ptr %501, align 8
  %503 = load double, ptr %488, align 8
  %504 = getelementptr double, ptr %474, i64 %32
  %505 = getelementptr double, ptr %504, i64 %499
  %506 = load double, ptr %505, align 8
  %507 = fmul double %503, %506
  %508 = fsub double %502, %507
  store double %508, ptr %501, align 8
  br label %31

509:
  %510 = add nsw i64 %43, -1
  %511 = add i64 %42, 512
  br label %512

512:
  %513 = phi i64 [ %511, %509 ], [ %42, %41 ]
  %514 = phi i64 [ %510, %509 ], [ 0, %41 ]
  %515 = phi i64 [ %511, %509 ], [ 512, %41 ]
  %516 = phi i64 [ %42, %509 ], [ 0, %41 ]
  br i1 %44, label %45, label %9

517:
  %518 = urem i64 %15, 3
  %519 = icmp ne i64 %518, 0
  %520 = udiv i64 %15, 3
  %521 = zext i1 %519 to i64
  %522 = add nuw nsw i64 %520, %521
  br label %523

523:
  %524 = phi i64 [ %522, %517 ], [ 0, %63 ]
  br label %64

525:
  %526 = urem i64 %15, 3
  %527 = icmp ne i64 %526, 0
  %528 = udiv i64 %15, 3
  %529 = zext i1 %527 to i64
  %530 = add nuw nsw i64 %528, %529
  br label %531

531:
  %532 = phi i64 [ %530, %525 ], [ 0, %251 ]
  br label %252

533:
  %534 = add nsw i64 %424, -1
  %535 = add i64 %423, 1
  %536 = select i1 %8, i64 0, i64 %6
  br label %426

537:
  %538 = add nsw i64 %428, -1
  %539 = add i64 %427, 1
  %540 = sub i64 %6, %539
  %541 = call i64 @llvm.smax.i64(i64 %540, i64 0)
  br label %430

542:
  %543 = add nsw i64 %432, -1
  %544 = add i64 %431, 1
  %545 = icmp slt i64 %423, 0
  %546 = select i1 %545, i64 %5, i64 0
  %547 = add i64 %423, %546
  %548 = icmp slt i64 %431, 0
  %549 = select i1 %548, i64 %6, i64 0
  %550 = mul i64 %547, %6
  %551 = getelementptr double, ptr %4, i64 %550
  %552 = getelementptr double, ptr %551, i64 %431
  %553 = getelementptr double, ptr %552, i64 %549
  %554 = load double, ptr %553, align 8
  %555 = select i1 %548, i64 %2, i64 0
  %556 = add i64 %431, %555
  %557 = icmp slt i64 %427, 0
  %558 = select i1 %557, i64 %3, i64 0
  %559 = mul i64 %556, %3
  %560 = getelementptr double, ptr %1, i64 %559
  %561 = getelementptr double, ptr %560, i64 %427
  %562 = getelementptr double, ptr %561, i64 %558
  %563 = load double, ptr %562, align 8
  %564 = select i1 %557, i64 %6, i64 0
  %565 = getelementptr double, ptr %551, i64 %427
  %566 = getelementptr double, ptr %565, i64 %564
  %567 = load double, ptr %566, align 8
  %568 = fmul double %563, %567
  %569 = fsub double %554, %568
  store double %569, ptr %553, align 8
  br label %430

570:
  %571 = add nsw i64 %436, -1
  %572 = add i64 %435, 1
  %573 = icmp slt i64 %423, 0
  %574 = select i1 %573, i64 %5, i64 0
  %575 = add i64 %423, %574
  %576 = icmp slt i64 %435, 0
  %577 = select i1 %576, i64 %6, i64 0
  %578 = mul i64 %575, %6
  %579 = getelementptr double, ptr %4, i64 %578
  %580 = getelementptr double, ptr %579, i64 %435
  %581 = getelementptr double, ptr %580, i64 %577
  %582 = load double, ptr %581, align 8
  %583 = select i1 %576, i64 %2, i64 0
  %584 = add i64 %435, %583
  %585 = select i1 %576, i64 %3, i64 0
  %586 = mul i64 %584, %3
  %587 = getelementptr double, ptr %1, i64 %586
  %588 = getelementptr double, ptr %587, i64 %435
  %589 = getelementptr double, ptr %588, i64 %585
  %590 = load double, ptr %589, align 8
  %591 = fdiv double %582, %590
  store double %591, ptr %581, align 8
  br label %434

592:
  %593 = add nsw i64 %443, -1
  %594 = call i64 @llvm.smax.i64(i64 %444, i64 0)
  br label %446

595:
  %596 = add nsw i64 %448, -1
  %597 = add i64 %447, 1
  %598 = icmp slt i64 %423, 0
  %599 = select i1 %598, i64 %5, i64 0
  %600 = add i64 %423, %599
  %601 = icmp slt i64 %447, 0
  %602 = select i1 %601, i64 %6, i64 0
  %603 = mul i64 %600, %6
  %604 = getelementptr double, ptr %4, i64 %603
  %605 = getelementptr double, ptr %604, i64 %447
  %606 = getelementptr double, ptr %605, i64 %602
  %607 = load double, ptr %606, align 8
  %608 = icmp slt i64 %444, 0
  %609 = select i1 %608, i64 %2, i64 0
  %610 = add i64 %444, %609
  %611 = select i1 %601, i64 %3, i64 0
  %612 = mul i64 %610, %3
  %613 = getelementptr double, ptr %1, i64 %612
  %614 = getelementptr double, ptr %613, i64 %447
  %615 = getelementptr double, ptr %614, i64 %611
  %616 = load double, ptr %615, align 8
  %617 = select i1 %608, i64 %6, i64 0
  %618 = getelementptr double, ptr %604, i64 %444
  %619 = getelementptr double, ptr %618, i64 %617
  %620 = load double, ptr %619, align 8
  %621 = fmul double %616, %620
  %622 = fsub double %607, %621
  store double %622, ptr %606, align 8
  br label %446
}

declare double @llvm.fabs.f64(double)

define internal void @2(ptr noalias nonnull %0, i64 %1, ptr %2, i64 %3, ptr %4, i64 %5, ptr %6, i64 %7, ptr %8, i64 %9, ptr %10, i64 %11, ptr %12, i64 %13, i64 %14, ptr %15, i64 %16, i64 %17, ptr %18, i64 %19, i64 %20, double %21, double %22, double %23, double %24, double %25, double %26) {
  %28 = add nsw i64 %1, -1
  %29 = icmp sgt i64 %17, 0
  br i1 %29, label %30, label %316

30:
  %31 = phi i64 [ 0, %27 ], [ %33, %314 ]
  %32 = add nsw i64 %31, %20
  %33 = call i64 @llvm.smin.i64(i64 %17, i64 %32)
  %34 = icmp slt i64 %7, 1
  br i1 %34, label %317, label %318

35:
  %36 = phi i64 [ %31, %323 ], [ %40, %237 ]
  %37 = phi i64 [ %328, %323 ], [ %42, %237 ]
  %38 = icmp sgt i64 %37, 0
  %39 = add i64 %36, 64
  %40 = select i1 %38, i64 %39, i64 %36
  %41 = sext i1 %38 to i64
  %42 = add nsw i64 %37, %41
  %43 = select i1 %38, i64 %36, i64 0
  br i1 %38, label %44, label %257

44:
  %45 = sub nsw i64 %33, %43
  %46 = call i64 @llvm.smin.i64(i64 %45, i64 64)
  %47 = call i64 @llvm.smax.i64(i64 %46, i64 0)
  br label %48

48:
  %49 = phi i64 [ 0, %44 ], [ %334, %146 ]
  %50 = phi i64 [ %47, %44 ], [ %333, %146 ]
  %51 = icmp sgt i64 %50, 0
  br i1 %51, label %332, label %161

52:
  %53 = phi i64 [ 0, %332 ], [ %67, %65 ]
  %54 = phi i64 [ %345, %332 ], [ %66, %65 ]
  %55 = phi double [ 0.000000e+00, %332 ], [ %85, %65 ]
  %56 = phi double [ 0.000000e+00, %332 ], [ %98, %65 ]
  %57 = phi double [ 0.000000e+00, %332 ], [ %111, %65 ]
  %58 = phi double [ 0.000000e+00, %332 ], [ %124, %65 ]
  %59 = icmp sgt i64 %54, 0
  br i1 %59, label %65, label %60

60:
  %61 = phi i64 [ %127, %125 ], [ %342, %52 ]
  %62 = phi i64 [ %126, %125 ], [ %341, %52 ]
  %63 = phi double [ %145, %125 ], [ %55, %52 ]
  %64 = icmp sgt i64 %62, 0
  br i1 %64, label %125, label %146

65:
  %66 = add nsw i64 %54, -1
  %67 = add i64 %53, 4
  %68 = icmp slt i64 %53, 0
  %69 = select i1 %68, i64 %3, i64 0
  %70 = getelementptr float, ptr %2, i64 %53
  %71 = getelementptr float, ptr %70, i64 %69
  %72 = load float, ptr %71, align 4
  %73 = fpext float %72 to double
  %74 = icmp slt i64 %340, 0
  %75 = select i1 %74, i64 %13, i64 0
  %76 = add i64 %340, %75
  %77 = select i1 %68, i64 %14, i64 0
  %78 = mul i64 %76, %14
  %79 = getelementptr float, ptr %12, i64 %78
  %80 = getelementptr float, ptr %79, i64 %53
  %81 = getelementptr float, ptr %80, i64 %77
  %82 = load float, ptr %81, align 4
  %83 = fpext float %82 to double
  %84 = fmul double %73, %83
  %85 = fadd double %55, %84
  %86 = icmp slt i64 %53, -1
  %87 = select i1 %86, i64 %3, i64 0
  %88 = getelementptr i8, ptr %70, i64 4
  %89 = getelementptr float, ptr %88, i64 %87
  %90 = load float, ptr %89, align 4
  %91 = fpext float %90 to double
  %92 = select i1 %86, i64 %14, i64 0
  %93 = getelementptr i8, ptr %80, i64 4
  %94 = getelementptr float, ptr %93, i64 %92
  %95 = load float, ptr %94, align 4
  %96 = fpext float %95 to double
  %97 = fmul double %91, %96
  %98 = fadd double %56, %97
  %99 = icmp slt i64 %53, -2
  %100 = select i1 %99, i64 %3, i64 0
  %101 = getelementptr i8, ptr %70, i64 8
  %102 = getelementptr float, ptr %101, i64 %100
  %103 = load float, ptr %102, align 4
  %104 = fpext float %103 to double
  %105 = select i1 %99, i64 %14, i64 0
  %106 = getelementptr i8, ptr %80, i64 8
  %107 = getelementptr float, ptr %106, i64 %105
  %108 = load float, ptr %107, align 4
  %109 = fpext float %108 to double
  %110 = fmul double %104, %109
  %111 = fadd double %57, %110
  %112 = icmp slt i64 %53, -3
  %113 = select i1 %112, i64 %3, i64 0
  %114 = getelementptr i8, ptr %70, i64 12
  %115 = getelementptr float, ptr %114, i64 %113
  %116 = load float, ptr %115, align 4
  %117 = fpext float %116 to double
  %118 = select i1 %112, i64 %14, i64 0
  %119 = getelementptr i8, ptr %80, i64 12
  %120 = getelementptr float, ptr %119, i64 %118
  %121 = load float, ptr %120, align 4
  %122 = fpext float %121 to double
  %123 = fmul double %117, %122
  %124 = fadd double %58, %123
  br label %52

125:
  %126 = add nsw i64 %62, -1
  %127 = add i64 %61, 1
  %128 = icmp slt i64 %61, 0
  %129 = select i1 %128, i64 %3, i64 0
  %130 = getelementptr float, ptr %2, i64 %61
  %131 = getelementptr float, ptr %130, i64 %129
  %132 = load float, ptr %131, align 4
  %133 = fpext float %132 to double
  %134 = icmp slt i64 %340, 0
  %135 = select i1 %134, i64 %13, i64 0
  %136 = add i64 %340, %135
  %137 = select i1 %128, i64 %14, i64 0
  %138 = mul i64 %136, %14
  %139 = getelementptr float, ptr %12, i64 %138
  %140 = getelementptr float, ptr %139, i64 %61
  %141 = getelementptr float, ptr %140, i64 %137
  %142 = load float, ptr %141, align 4
  %143 = fpext float %142 to double
  %144 = fmul double %133, %143
  %145 = fadd double %63, %144
  br label %60

146:
  %147 = fadd double %63, %56
  %148 = fadd double %57, %58
  %149 = fadd double %147, %148
  %150 = icmp sgt i64 %1, 0
  %151 = select i1 %150, i64 0, i64 %3
  %152 = getelementptr float, ptr %2, i64 %28
  %153 = getelementptr float, ptr %152, i64 %151
  %154 = load float, ptr %153, align 4
  %155 = fpext float %154 to double
  %156 = fadd double %149, %155
  %157 = icmp slt i64 %49, 0
  %158 = select i1 %157, i64 %9, i64 0
  %159 = getelementptr double, ptr %8, i64 %49
  %160 = getelementptr double, ptr %159, i64 %158
  store double %156, ptr %160, align 8
  br label %48

161:
  %162 = phi i64 [ %348, %209 ], [ 0, %48 ]
  %163 = phi i64 [ %347, %209 ], [ %47, %48 ]
  %164 = icmp sgt i64 %163, 0
  br i1 %164, label %346, label %215

165:
  %166 = fneg double %354
  %167 = fmul double %354, 0xBFF71547652B82FE
  %168 = fadd double %167, 5.000000e-01
  %169 = fptosi double %168 to i64
  %170 = sitofp i64 %169 to double
  %171 = fcmp olt double %168, %170
  %172 = sext i1 %171 to i64
  %173 = add nsw i64 %169, %172
  %174 = sitofp i64 %173 to double
  %175 = fmul double %174, 0x3FE62E42FEE00000
  %176 = fsub double %166, %175
  %177 = fmul double %174, 0x3DEA39EF35793C76
  %178 = fsub double %176, %177
  %179 = fmul double %178, 0x3DE6124613A86D09
  %180 = fadd double %179, 0x3E21EED8EFF8D898
  %181 = fmul double %180, %178
  %182 = fadd double %181, 0x3E5AE64567F544E4
  %183 = fmul double %182, %178
  %184 = fadd double %183, 0x3E927E4FB7789F5C
  %185 = fmul double %184, %178
  %186 = fadd double %185, 0x3EC71DE3A556C734
  %187 = fmul double %186, %178
  %188 = fadd double %187, 0x3EFA01A01A01A01A
  %189 = fmul double %188, %178
  %190 = fadd double %189, 0x3F2A01A01A01A01A
  %191 = fmul double %190, %178
  %192 = fadd double %191, 0x3F56C16C16C16C17
  %193 = fmul double %192, %178
  %194 = fadd double %193, 0x3F81111111111111
  %195 = fmul double %194, %178
  %196 = fadd double %195, 0x3FA5555555555555
  %197 = fmul double %196, %178
  %198 = fadd double %197, 0x3FC5555555555555
  %199 = fmul double %198, %178
  %200 = fadd double %199, 5.000000e-01
  %201 = fmul double %200, %178
  %202 = fadd double %201, 1.000000e+00
  %203 = fmul double %202, %178
  %204 = fadd double %203, 1.000000e+00
  %205 = shl i64 %173, 52
  %206 = add i64 %205, 4607182418800017408
  %207 = bitcast i64 %206 to double
  %208 = fmul double %204, %207
  br label %209

209:
  %210 = phi double [ %208, %165 ], [ 0.000000e+00, %346 ]
  %211 = fcmp ult double %353, 0.000000e+00
  %212 = fadd double %210, 1.000000e+00
  %213 = select i1 %211, double %210, double 1.000000e+00
  %214 = fdiv double %213, %212
  store double %214, ptr %352, align 8
  br label %161

215:
  %216 = phi i64 [ %358, %356 ], [ 0, %161 ]
  %217 = phi i64 [ %357, %356 ], [ %47, %161 ]
  %218 = icmp sgt i64 %217, 0
  br i1 %218, label %356, label %380

219:
  %220 = phi i64 [ 0, %380 ], [ %388, %227 ]
  %221 = phi i64 [ %385, %380 ], [ %387, %227 ]
  %222 = icmp sgt i64 %221, 0
  br i1 %222, label %386, label %237

223:
  %224 = phi i64 [ 0, %386 ], [ %454, %452 ]
  %225 = phi i64 [ %451, %386 ], [ %453, %452 ]
  %226 = icmp sgt i64 %225, 0
  br i1 %226, label %452, label %227

227:
  %228 = icmp sgt i64 %1, 0
  %229 = select i1 %228, i64 0, i64 %7
  %230 = getelementptr double, ptr %6, i64 %28
  %231 = getelementptr double, ptr %230, i64 %229
  %232 = load double, ptr %231, align 8
  %233 = fadd double %232, %393
  %234 = fadd double %233, %398
  %235 = fadd double %234, %403
  %236 = fadd double %235, %408
  store double %236, ptr %231, align 8
  br label %219

237:
  %238 = phi i64 [ %487, %245 ], [ %382, %219 ]
  %239 = phi i64 [ %486, %245 ], [ %381, %219 ]
  %240 = icmp sgt i64 %239, 0
  br i1 %240, label %485, label %35

241:
  %242 = phi i64 [ 0, %485 ], [ %498, %496 ]
  %243 = phi i64 [ %495, %485 ], [ %497, %496 ]
  %244 = icmp sgt i64 %243, 0
  br i1 %244, label %496, label %245

245:
  %246 = icmp sgt i64 %1, 0
  %247 = select i1 %246, i64 0, i64 %7
  %248 = getelementptr double, ptr %6, i64 %28
  %249 = getelementptr double, ptr %248, i64 %247
  %250 = load double, ptr %249, align 8
  %251 = icmp slt i64 %238, 0
  %252 = select i1 %251, i64 %9, i64 0
  %253 = getelementptr double, ptr %8, i64 %238
  %254 = getelementptr double, ptr %253, i64 %252
  %255 = load double, ptr %254, align 8
  %256 = fadd double %250, %255
  store double %256, ptr %249, align 8
  br label %237

257:
  %258 = call i64 @llvm.smax.i64(i64 %1, i64 0)
  br label %259

259:
  %260 = phi i64 [ 0, %257 ], [ %523, %303 ]
  %261 = phi i64 [ %258, %257 ], [ %522, %303 ]
  %262 = icmp sgt i64 %261, 0
  br i1 %262, label %521, label %314

263:
  %264 = fpext float %531 to double
  %265 = select i1 %524, i64 %3, i64 0
  %266 = getelementptr float, ptr %2, i64 %260
  %267 = getelementptr float, ptr %266, i64 %265
  %268 = load float, ptr %267, align 4
  %269 = fpext float %268 to double
  %270 = fmul double %23, %269
  %271 = fadd double %270, %264
  %272 = fptrunc double %271 to float
  br label %273

273:
  %274 = phi float [ %272, %263 ], [ %531, %521 ]
  %275 = fcmp une double %24, 0.000000e+00
  br i1 %275, label %276, label %291

276:
  %277 = select i1 %524, i64 %3, i64 0
  %278 = getelementptr float, ptr %2, i64 %260
  %279 = getelementptr float, ptr %278, i64 %277
  %280 = load float, ptr %279, align 4
  %281 = select i1 %524, i64 %11, i64 0
  %282 = getelementptr float, ptr %10, i64 %260
  %283 = getelementptr float, ptr %282, i64 %281
  %284 = load float, ptr %283, align 4
  %285 = fsub float %280, %284
  %286 = fpext float %274 to double
  %287 = fpext float %285 to double
  %288 = fmul double %24, %287
  %289 = fadd double %288, %286
  %290 = fptrunc double %289 to float
  br label %291

291:
  %292 = phi float [ %290, %276 ], [ %274, %273 ]
  %293 = fcmp une double %22, 0.000000e+00
  br i1 %293, label %294, label %303

294:
  %295 = select i1 %524, i64 %5, i64 0
  %296 = getelementptr float, ptr %4, i64 %260
  %297 = getelementptr float, ptr %296, i64 %295
  %298 = load float, ptr %297, align 4
  %299 = fpext float %298 to double
  %300 = fmul double %22, %299
  %301 = fptrunc double %300 to float
  %302 = fadd float %292, %301
  store float %302, ptr %297, align 4
  br label %303

303:
  %304 = phi float [ %302, %294 ], [ %292, %291 ]
  %305 = select i1 %524, i64 %3, i64 0
  %306 = getelementptr float, ptr %2, i64 %260
  %307 = getelementptr float, ptr %306, i64 %305
  %308 = load float, ptr %307, align 4
  %309 = fpext float %308 to double
  %310 = fpext float %304 to double
  %311 = fmul double %21, %310
  %312 = fsub double %309, %311
  %313 = fptrunc double %312 to float
  store float %313, ptr %307, align 4
  br label %259

314:
  %315 = icmp slt i64 %32, %17
  br i1 %315, label %30, label %316

316:
  store ptr null, ptr %0, align 8
  ret void

317:
  br label %318

318:
  %319 = phi i64 [ %7, %317 ], [ 0, %30 ]
  br label %320

320:
  %321 = phi i64 [ %319, %318 ], [ %331, %329 ]
  %322 = icmp slt i64 %321, %7
  br i1 %322, label %329, label %323

323:
  %324 = sub i64 %33, %31
  %325 = add nuw i64 %324, 63
  %326 = lshr i64 %325, 6
  %327 = icmp sgt i64 %324, 0
  %328 = select i1 %327, i64 %326, i64 0
  br label %35

329:
  %330 = getelementptr double, ptr %6, i64 %321
  store double 0.000000e+00, ptr %330, align 8
  %331 = add nsw i64 %321, 1
  br label %320

332:
  %333 = add nsw i64 %50, -1
  %334 = add i64 %49, 1
  %335 = add nsw i64 %43, %49
  %336 = icmp slt i64 %335, 0
  %337 = select i1 %336, i64 %19, i64 0
  %338 = getelementptr i64, ptr %18, i64 %335
  %339 = getelementptr i64, ptr %338, i64 %337
  %340 = load i64, ptr %339, align 8
  %341 = and i64 %28, 3
  %342 = and i64 %28, -4
  %343 = icmp slt i64 %1, 5
  %344 = ashr i64 %28, 2
  %345 = select i1 %343, i64 0, i64 %344
  br label %52

346:
  %347 = add nsw i64 %163, -1
  %348 = add i64 %162, 1
  %349 = icmp slt i64 %162, 0
  %350 = select i1 %349, i64 %9, i64 0
  %351 = getelementptr double, ptr %8, i64 %162
  %352 = getelementptr double, ptr %351, i64 %350
  %353 = load double, ptr %352, align 8
  %354 = call double @llvm.fabs.f64(double %353)
  %355 = fcmp ogt double %354, 7.080000e+02
  br i1 %355, label %209, label %165

356:
  %357 = add nsw i64 %217, -1
  %358 = add i64 %216, 1
  %359 = add nsw i64 %43, %216
  %360 = icmp slt i64 %359, 0
  %361 = select i1 %360, i64 %19, i64 0
  %362 = getelementptr i64, ptr %18, i64 %359
  %363 = getelementptr i64, ptr %362, i64 %361
  %364 = load i64, ptr %363, align 8
  %365 = icmp slt i64 %364, 0
  %366 = select i1 %365, i64 %16, i64 0
  %367 = getelementptr i8, ptr %15, i64 %364
  %368 = getelementptr i8, ptr %367, i64 %366
  %369 = load i8, ptr %368, align 1
  %370 = icmp slt i64 %216, 0
  %371 = select i1 %370, i64 %9, i64 0
  %372 = getelementptr double, ptr %8, i64 %216
  %373 = getelementptr double, ptr %372, i64 %371
  %374 = load double, ptr %373, align 8
  %375 = uitofp i8 %369 to double
  %376 = fsub double %374, %375
  %377 = icmp eq i8 %369, 0
  %378 = select i1 %377, double %25, double %26
  %379 = fmul double %376, %378
  store double %379, ptr %373, align 8
  br label %215

380:
  %381 = and i64 %46, 3
  %382 = and i64 %46, -4
  %383 = icmp slt i64 %45, 4
  %384 = lshr i64 %46, 2
  %385 = select i1 %383, i64 0, i64 %384
  br label %219

386:
  %387 = add nsw i64 %221, -1
  %388 = add i64 %220, 4
  %389 = icmp slt i64 %220, 0
  %390 = select i1 %389, i64 %9, i64 0
  %391 = getelementptr double, ptr %8, i64 %220
  %392 = getelementptr double, ptr %391, i64 %390
  %393 = load double, ptr %392, align 8
  %394 = icmp slt i64 %220, -1
  %395 = select i1 %394, i64 %9, i64 0
  %396 = getelementptr i8, ptr %391, i64 8
  %397 = getelementptr double, ptr %396, i64 %395
  %398 = load double, ptr %397, align 8
  %399 = icmp slt i64 %220, -2
  %400 = select i1 %399, i64 %9, i64 0
  %401 = getelementptr i8, ptr %391, i64 16
  %402 = getelementptr double, ptr %401, i64 %400
  %403 = load double, ptr %402, align 8
  %404 = icmp slt i64 %220, -3
  %405 = select i1 %404, i64 %9, i64 0
  %406 = getelementptr i8, ptr %391, i64 24
  %407 = getelementptr double, ptr %406, i64 %405
  %408 = load double, ptr %407, align 8
  %409 = add nsw i64 %43, %220
  %410 = icmp slt i64 %409, 0
  %411 = select i1 %410, i64 %19, i64 0
  %412 = getelementptr i64, ptr %18, i64 %409
  %413 = getelementptr i64, ptr %412, i64 %411
  %414 = load i64, ptr %413, align 8
  %415 = icmp slt i64 %414, 0
  %416 = select i1 %415, i64 %13, i64 0
  %417 = add i64 %414, %416
  %418 = mul i64 %417, %14
  %419 = getelementptr float, ptr %12, i64 %418
  %420 = icmp slt i64 %409, -1
  %421 = select i1 %420, i64 %19, i64 0
  %422 = getelementptr i8, ptr %412, i64 8
  %423 = getelementptr i64, ptr %422, i64 %421
  %424 = load i64, ptr %423, align 8
  %425 = icmp slt i64 %424, 0
  %426 = select i1 %425, i64 %13, i64 0
  %427 = add i64 %424, %426
  %428 = mul i64 %427, %14
  %429 = getelementptr float, ptr %12, i64 %428
  %430 = icmp slt i64 %409, -2
  %431 = select i1 %430, i64 %19, i64 0
  %432 = getelementptr i8, ptr %412, i64 16
  %433 = getelementptr i64, ptr %432, i64 %431
  %434 = load i64, ptr %433, align 8
  %435 = icmp slt i64 %434, 0
  %436 = select i1 %435, i64 %13, i64 0
  %437 = add i64 %434, %436
  %438 = mul i64 %437, %14
  %439 = getelementptr float, ptr %12, i64 %438
  %440 = icmp slt i64 %409, -3
  %441 = select i1 %440, i64 %19, i64 0
  %442 = getelementptr i8, ptr %412, i64 24
  %443 = getelementptr i64, ptr %442, i64 %441
  %444 = load i64, ptr %443, align 8
  %445 = icmp slt i64 %444, 0
  %446 = select i1 %445, i64 %13, i64 0
  %447 = add i64 %444, %446
  %448 = mul i64 %447, %14
  %449 = getelementptr float, ptr %12, i64 %448
  %450 = icmp slt i64 %1, 2
  %451 = select i1 %450, i64 0, i64 %28
  br label %223

452:
  %453 = add nsw i64 %225, -1
  %454 = add i64 %224, 1
  %455 = icmp slt i64 %224, 0
  %456 = select i1 %455, i64 %7, i64 0
  %457 = getelementptr double, ptr %6, i64 %224
  %458 = getelementptr double, ptr %457, i64 %456
  %459 = load double, ptr %458, align 8
  %460 = select i1 %455, i64 %14, i64 0
  %461 = getelementptr float, ptr %419, i64 %224
  %462 = getelementptr float, ptr %461, i64 %460
  %463 = load float, ptr %462, align 4
  %464 = fpext float %463 to double
  %465 = fmul double %393, %464
  %466 = fadd double %459, %465
  %467 = getelementptr float, ptr %429, i64 %224
  %468 = getelementptr float, ptr %467, i64 %460
  %469 = load float, ptr %468, align 4
  %470 = fpext float %469 to double
  %471 = fmul double %398, %470
  %472 = fadd double %466, %471
  %473 = getelementptr float, ptr %439, i64 %224
  %474 = getelementptr float, ptr %473, i64 %460
  %475 = load float, ptr %474, align 4
  %476 = fpext float %475 to double
  %477 = fmul double %403, %476
  %478 = fadd double %472, %477
  %479 = getelementptr float, ptr %449, i64 %224
  %480 = getelementptr float, ptr %479, i64 %460
  %481 = load float, ptr %480, align 4
  %482 = fpext float %481 to double
  %483 = fmul double %408, %482
  %484 = fadd double %478, %483
  store double %484, ptr %458, align 8
  br label %223

485:
  %486 = add nsw i64 %239, -1
  %487 = add i64 %238, 1
  %488 = add nsw i64 %43, %238
  %489 = icmp slt i64 %488, 0
  %490 = select i1 %489, i64 %19, i64 0
  %491 = getelementptr i64, ptr %18, i64 %488
  %492 = getelementptr i64, ptr %491, i64 %490
  %493 = load i64, ptr %492, align 8
  %494 = icmp slt i64 %1, 2
  %495 = select i1 %494, i64 0, i64 %28
  br label %241

496:
  %497 = add nsw i64 %243, -1
  %498 = add i64 %242, 1
  %499 = icmp slt i64 %242, 0
  %500 = select i1 %499, i64 %7, i64 0
  %501 = getelementptr double, ptr %6, i64 %242
  %502 = getelementptr double, ptr %501, i64 %500
  %503 = load double, ptr %502, align 8
  %504 = icmp slt i64 %238, 0
  %505 = select i1 %504, i64 %9, i64 0
  %506 = getelementptr double, ptr %8, i64 %238
  %507 = getelementptr double, ptr %506, i64 %505
  %508 = load double, ptr %507, align 8
  %509 = icmp slt i64 %493, 0
  %510 = select i1 %509, i64 %13, i64 0
  %511 = add i64 %493, %510
  %512 = select i1 %499, i64 %14, i64 0
  %513 = mul i64 %511, %14
  %514 = getelementptr float, ptr %12, i64 %513
  %515 = getelementptr float, ptr %514, i64 %242
  %516 = getelementptr float, ptr %515, i64 %512
  %517 = load float, ptr %516, align 4
  %518 = fpext float %517 to double
  %519 = fmul double %508, %518
  %520 = fadd double %503, %519
  store double %520, ptr %502, align 8
  br label %241

521:
  %522 = add nsw i64 %261, -1
  %523 = add i64 %260, 1
  %524 = icmp slt i64 %260, 0
  %525 = select i1 %524, i64 %7, i64 0
  %526 = getelementptr double, ptr %6, i64 %260
  %527 = getelementptr double, ptr %526, i64 %525
  %528 = load double, ptr %527, align 8
  %529 = sitofp i64 %324 to double
  %530 = fdiv double %528, %529
  %531 = fptrunc double %530 to float
  %532 = fcmp une double %23, 0.000000e+00
  br i1 %532, label %263, label %273
}

define internal void @3(ptr noalias nonnull %0, i64 %1, ptr %2, i64 %3, ptr %4, i64 %5, i64 %6, i64 %7, ptr %8, i64 %9) {
  %11 = call i64 @llvm.smax.i64(i64 %7, i64 0)
  br label %12

12:
  %13 = phi i64 [ 0, %10 ], [ %130, %110 ]
  %14 = phi i64 [ %11, %10 ], [ %129, %110 ]
  %15 = icmp sgt i64 %14, 0
  br i1 %15, label %128, label %127

16:
  %17 = phi i64 [ 0, %128 ], [ %31, %29 ]
  %18 = phi i64 [ %136, %128 ], [ %30, %29 ]
  %19 = phi double [ 0.000000e+00, %128 ], [ %49, %29 ]
  %20 = phi double [ 0.000000e+00, %128 ], [ %62, %29 ]
  %21 = phi double [ 0.000000e+00, %128 ], [ %75, %29 ]
  %22 = phi double [ 0.000000e+00, %128 ], [ %88, %29 ]
  %23 = icmp sgt i64 %18, 0
  br i1 %23, label %29, label %24

24:
  %25 = phi i64 [ %91, %89 ], [ %133, %16 ]
  %26 = phi i64 [ %90, %89 ], [ %132, %16 ]
  %27 = phi double [ %109, %89 ], [ %19, %16 ]
  %28 = icmp sgt i64 %26, 0
  br i1 %28, label %89, label %110

29:
  %30 = add nsw i64 %18, -1
  %31 = add i64 %17, 4
  %32 = icmp slt i64 %17, 0
  %33 = select i1 %32, i64 %3, i64 0
  %34 = getelementptr float, ptr %2, i64 %17
  %35 = getelementptr float, ptr %34, i64 %33
  %36 = load float, ptr %35, align 4
  %37 = fpext float %36 to double
  %38 = icmp slt i64 %13, 0
  %39 = select i1 %38, i64 %5, i64 0
  %40 = add i64 %13, %39
  %41 = select i1 %32, i64 %6, i64 0
  %42 = mul i64 %40, %6
  %43 = getelementptr float, ptr %4, i64 %42
  %44 = getelementptr float, ptr %43, i64 %17
  %45 = getelementptr float, ptr %44, i64 %41
  %46 = load float, ptr %45, align 4
  %47 = fpext float %46 to double
  %48 = fmul double %37, %47
  %49 = fadd double %19, %48
  %50 = icmp slt i64 %17, -1
  %51 = select i1 %50, i64 %3, i64 0
  %52 = getelementptr i8, ptr %34, i64 4
  %53 = getelementptr float, ptr %52, i64 %51
  %54 = load float, ptr %53, align 4
  %55 = fpext float %54 to double
  %56 = select i1 %50, i64 %6, i64 0
  %57 = getelementptr i8, ptr %44, i64 4
  %58 = getelementptr float, ptr %57, i64 %56
  %59 = load float, ptr %58, align 4
  %60 = fpext float %59 to double
  %61 = fmul double %55, %60
  %62 = fadd double %20, %61
  %63 = icmp slt i64 %17, -2
  %64 = select i1 %63, i64 %3, i64 0
  %65 = getelementptr i8, ptr %34, i64 8
  %66 = getelementptr float, ptr %65, i64 %64
  %67 = load float, ptr %66, align 4
  %68 = fpext float %67 to double
  %69 = select i1 %63, i64 %6, i64 0
  %70 = getelementptr i8, ptr %44, i64 8
  %71 = getelementptr float, ptr %70, i64 %69
  %72 = load float, ptr %71, align 4
  %73 = fpext float %72 to double
  %74 = fmul double %68, %73
  %75 = fadd double %21, %74
  %76 = icmp slt i64 %17, -3
  %77 = select i1 %76, i64 %3, i64 0
  %78 = getelementptr i8, ptr %34, i64 12
  %79 = getelementptr float, ptr %78, i64 %77
  %80 = load float, ptr %79, align 4
  %81 = fpext float %80 to double
  %82 = select i1 %76, i64 %6, i64 0
  %83 = getelementptr i8, ptr %44, i64 12
  %84 = getelementptr float, ptr %83, i64 %82
  %85 = load float, ptr %84, align 4
  %86 = fpext float %85 to double
  %87 = fmul double %81, %86
  %88 = fadd double %22, %87
  br label %16

89:
  %90 = add nsw i64 %26, -1
  %91 = add i64 %25, 1
  %92 = icmp slt i64 %25, 0
  %93 = select i1 %92, i64 %3, i64 0
  %94 = getelementptr float, ptr %2, i64 %25
  %95 = getelementptr float, ptr %94, i64 %93
  %96 = load float, ptr %95, align 4
  %97 = fpext float %96 to double
  %98 = icmp slt i64 %13, 0
  %99 = select i1 %98, i64 %5, i64 0
  %100 = add i64 %13, %99
  %101 = select i1 %92, i64 %6, i64 0
  %102 = mul i64 %100, %6
  %103 = getelementptr float, ptr %4, i64 %102
  %104 = getelementptr float, ptr %103, i64 %25
  %105 = getelementptr float, ptr %104, i64 %101
  %106 = load float, ptr %105, align 4
  %107 = fpext float %106 to double
  %108 = fmul double %97, %107
  %109 = fadd double %27, %108
  br label %24

110:
  %111 = fadd double %27, %20
  %112 = fadd double %21, %22
  %113 = fadd double %111, %112
  %114 = icmp sgt i64 %1, 0
  %115 = select i1 %114, i64 0, i64 %3
  %116 = getelementptr float, ptr %2, i64 %131
  %117 = getelementptr float, ptr %116, i64 %115
  %118 = load float, ptr %117, align 4
  %119 = fpext float %118 to double
  %120 = fadd double %113, %119
  %121 = fptrunc double %120 to float
  %122 = fpext float %121 to double
  %123 = icmp slt i64 %13, 0
  %124 = select i1 %123, i64 %9, i64 0
  %125 = getelementptr double, ptr %8, i64 %13
  %126 = getelementptr double, ptr %125, i64 %124
  store double %122, ptr %126, align 8
  br label %12

127:
  store ptr null, ptr %0, align 8
  ret void

128:
  %129 = add nsw i64 %14, -1
  %130 = add i64 %13, 1
  %131 = add nsw i64 %1, -1
  %132 = and i64 %131, 3
  %133 = and i64 %131, -4
  %134 = icmp slt i64 %1, 5
  %135 = ashr i64 %131, 2
  %136 = select i1 %134, i64 0, i64 %135
  br label %16
}

define internal void @4(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, ptr %4, i64 %5) {
  %7 = call i64 @llvm.smax.i64(i64 %3, i64 0)
  br label %8

8:
  %9 = phi i64 [ 0, %6 ], [ %68, %56 ]
  %10 = phi i64 [ %7, %6 ], [ %67, %56 ]
  %11 = icmp sgt i64 %10, 0
  br i1 %11, label %66, label %65

12:
  %13 = fneg double %74
  %14 = fmul double %74, 0xBFF71547652B82FE
  %15 = fadd double %14, 5.000000e-01
  %16 = fptosi double %15 to i64
  %17 = sitofp i64 %16 to double
  %18 = fcmp olt double %15, %17
  %19 = sext i1 %18 to i64
  %20 = add nsw i64 %16, %19
  %21 = sitofp i64 %20 to double
  %22 = fmul double %21, 0x3FE62E42FEE00000
  %23 = fsub double %13, %22
  %24 = fmul double %21, 0x3DEA39EF35793C76
  %25 = fsub double %23, %24
  %26 = fmul double %25, 0x3DE6124613A86D09
  %27 = fadd double %26, 0x3E21EED8EFF8D898
  %28 = fmul double %27, %25
  %29 = fadd double %28, 0x3E5AE64567F544E4
  %30 = fmul double %29, %25
  %31 = fadd double %30, 0x3E927E4FB7789F5C
  %32 = fmul double %31, %25
  %33 = fadd double %32, 0x3EC71DE3A556C734
  %34 = fmul double %33, %25
  %35 = fadd double %34, 0x3EFA01A01A01A01A
  %36 = fmul double %35, %25
  %37 = fadd double %36, 0x3F2A01A01A01A01A
  %38 = fmul double %37, %25
  %39 = fadd double %38, 0x3F56C16C16C16C17
  %40 = fmul double %39, %25
  %41 = fadd double %40, 0x3F81111111111111
  %42 = fmul double %41, %25
  %43 = fadd double %42, 0x3FA5555555555555
  %44 = fmul double %43, %25
  %45 = fadd double %44, 0x3FC5555555555555
  %46 = fmul double %45, %25
  %47 = fadd double %46, 5.000000e-01
  %48 = fmul double %47, %25
  %49 = fadd double %48, 1.000000e+00
  %50 = fmul double %49, %25
  %51 = fadd double %50, 1.000000e+00
  %52 = shl i64 %20, 52
  %53 = add i64 %52, 4607182418800017408
  %54 = bitcast i64 %53 to double
  %55 = fmul double %51, %54
  br label %56

56:
  %57 = phi double [ %55, %12 ], [ 0.000000e+00, %66 ]
  %58 = fcmp ult double %73, 0.000000e+00
  %59 = fadd double %57, 1.000000e+00
  %60 = select i1 %58, double %57, double 1.000000e+00
  %61 = fdiv double %60, %59
  %62 = select i1 %69, i64 %5, i64 0
  %63 = getelementptr double, ptr %4, i64 %9
  %64 = getelementptr double, ptr %63, i64 %62
  store double %61, ptr %64, align 8
  br label %8

65:
  store ptr null, ptr %0, align 8
  ret void

66:
  %67 = add nsw i64 %10, -1
  %68 = add i64 %9, 1
  %69 = icmp slt i64 %9, 0
  %70 = select i1 %69, i64 %2, i64 0
  %71 = getelementptr double, ptr %1, i64 %9
  %72 = getelementptr double, ptr %71, i64 %70
  %73 = load double, ptr %72, align 8
  %74 = call double @llvm.fabs.f64(double %73)
  %75 = fcmp ogt double %74, 7.080000e+02
  br i1 %75, label %56, label %12
}

define internal void @5(ptr noalias nonnull %0, i64 %1, ptr %2, i64 %3, i64 %4, ptr %5, i64 %6) {
  %8 = call i64 @llvm.smax.i64(i64 %4, i64 0)
  br label %9

9:
  %10 = phi i64 [ 0, %7 ], [ %16, %19 ]
  %11 = phi i64 [ %8, %7 ], [ %15, %19 ]
  %12 = icmp sgt i64 %11, 0
  br i1 %12, label %14, label %13

13:
  store ptr null, ptr %0, align 8
  ret void

14:
  %15 = add nsw i64 %11, -1
  %16 = add i64 %10, 1
  %17 = icmp slt i64 %10, 0
  %18 = icmp eq i64 %1, %10
  br i1 %18, label %19, label %31

19:
  %20 = phi i64 [ 0, %14 ], [ %42, %31 ]
  %21 = add nsw i64 %10, %20
  %22 = icmp slt i64 %21, 0
  %23 = select i1 %22, i64 %3, i64 0
  %24 = getelementptr i64, ptr %2, i64 %21
  %25 = getelementptr i64, ptr %24, i64 %23
  %26 = load i64, ptr %25, align 8
  %27 = select i1 %17, i64 %3, i64 0
  %28 = getelementptr i64, ptr %2, i64 %10
  %29 = getelementptr i64, ptr %28, i64 %27
  %30 = load i64, ptr %29, align 8
  store i64 %26, ptr %29, align 8
  store i64 %30, ptr %25, align 8
  br label %9

31:
  %32 = sub nsw i64 %1, %10
  %33 = getelementptr i32, ptr %5, i64 %10
  %34 = select i1 %17, i64 %6, i64 0
  %35 = getelementptr i32, ptr %33, i64 %34
  %36 = load i32, ptr %35, align 4
  %37 = zext i32 %36 to i64
  %38 = srem i64 %37, %32
  %39 = icmp eq i64 %38, 0
  %40 = call i64 @llvm.smin.i64(i64 %32, i64 0)
  %41 = select i1 %39, i64 0, i64 %40
  %42 = add nsw i64 %38, %41
  br label %19
}

define internal void @6(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, ptr %4, i64 %5, ptr %6, i64 %7, ptr %8, i64 %9, ptr %10, i64 %11, i64 %12, ptr %13, i64 %14, ptr %15, i64 %16, ptr %17, i64 %18, ptr %19, i64 %20, ptr %21, i64 %22, i64 %23, ptr %24, i64 %25, ptr %26, i64 %27, i64 %28, ptr %29, i64 %30, i64 %31, ptr %32, i64 %33, i64 %34, ptr %35, i64 %36, i64 %37) {
  %39 = call i64 @llvm.smax.i64(i64 %12, i64 0)
  br label %40

40:
  %41 = phi i64 [ 0, %38 ], [ %109, %44 ]
  %42 = phi i64 [ %39, %38 ], [ %108, %44 ]
  %43 = icmp sgt i64 %42, 0
  br i1 %43, label %107, label %105

44:
  %45 = phi i64 [ %114, %107 ], [ %124, %106 ]
  %46 = phi i64 [ %121, %107 ], [ %123, %106 ]
  %47 = icmp sgt i64 %46, 0
  br i1 %47, label %122, label %40

48:
  %49 = phi i1 [ %135, %122 ], [ %84, %48 ]
  %50 = phi i64 [ %136, %122 ], [ %85, %48 ]
  %51 = phi i32 [ %133, %122 ], [ %82, %48 ]
  %52 = sext i32 %51 to i64
  %53 = getelementptr i32, ptr %15, i64 %50
  %54 = getelementptr i32, ptr %53, i64 %52
  %55 = load i32, ptr %54, align 4
  %56 = sext i32 %55 to i64
  %57 = icmp slt i64 %129, 0
  %58 = select i1 %57, i64 %2, i64 0
  %59 = add i64 %129, %58
  %60 = icmp slt i32 %55, 0
  %61 = select i1 %60, i64 %3, i64 0
  %62 = mul i64 %59, %3
  %63 = getelementptr i16, ptr %1, i64 %62
  %64 = getelementptr i16, ptr %63, i64 %61
  %65 = getelementptr i16, ptr %64, i64 %56
  %66 = load i16, ptr %65, align 2
  %67 = zext i16 %66 to i64
  %68 = select i1 %49, i64 %22, i64 0
  %69 = add i64 %68, %52
  %70 = mul i64 %69, %23
  %71 = getelementptr i8, ptr %21, i64 %70
  %72 = getelementptr i8, ptr %71, i64 %67
  %73 = load i8, ptr %72, align 1
  %74 = icmp eq i8 %73, 0
  %75 = icmp slt i32 %51, 0
  %76 = select i1 %75, i64 %18, i64 0
  %77 = getelementptr i32, ptr %17, i64 %76
  %78 = select i1 %75, i64 %20, i64 0
  %79 = getelementptr i32, ptr %19, i64 %78
  %80 = select i1 %74, ptr %79, ptr %77
  %81 = getelementptr i32, ptr %80, i64 %52
  %82 = load i32, ptr %81, align 4
  %83 = sext i32 %82 to i64
  %84 = icmp slt i32 %82, 0
  %85 = select i1 %84, i64 %16, i64 0
  %86 = getelementptr i32, ptr %15, i64 %85
  %87 = getelementptr i32, ptr %86, i64 %83
  %88 = load i32, ptr %87, align 4
  %89 = icmp sgt i32 %88, -1
  br i1 %89, label %48, label %90

90:
  %91 = phi i1 [ %135, %122 ], [ %84, %48 ]
  %92 = phi i32 [ %133, %122 ], [ %82, %48 ]
  %93 = sext i32 %92 to i64
  %94 = select i1 %91, i64 %25, i64 0
  %95 = getelementptr i32, ptr %24, i64 %94
  %96 = getelementptr i32, ptr %95, i64 %93
  %97 = load i32, ptr %96, align 4
  %98 = icmp slt i32 %97, 0
  br i1 %98, label %106, label %99

99:
  %100 = call i64 @llvm.smax.i64(i64 %28, i64 0)
  br label %101

101:
  %102 = phi i64 [ 0, %99 ], [ %143, %141 ]
  %103 = phi i64 [ %100, %99 ], [ %142, %141 ]
  %104 = icmp sgt i64 %103, 0
  br i1 %104, label %141, label %106

105:
  store ptr null, ptr %0, align 8
  ret void

106:
  br label %44

107:
  %108 = add nsw i64 %42, -1
  %109 = add i64 %41, 1
  %110 = icmp slt i64 %41, 0
  %111 = select i1 %110, i64 %11, i64 0
  %112 = getelementptr i64, ptr %10, i64 %41
  %113 = getelementptr i64, ptr %112, i64 %111
  %114 = load i64, ptr %113, align 8
  %115 = icmp slt i64 %41, -1
  %116 = select i1 %115, i64 %11, i64 0
  %117 = getelementptr i8, ptr %112, i64 8
  %118 = getelementptr i64, ptr %117, i64 %116
  %119 = load i64, ptr %118, align 8
  %120 = sub i64 %119, %114
  %121 = call i64 @llvm.smax.i64(i64 %120, i64 0)
  br label %44

122:
  %123 = add nsw i64 %46, -1
  %124 = add i64 %45, 1
  %125 = icmp slt i64 %45, 0
  %126 = select i1 %125, i64 %9, i64 0
  %127 = getelementptr i64, ptr %8, i64 %45
  %128 = getelementptr i64, ptr %127, i64 %126
  %129 = load i64, ptr %128, align 8
  %130 = select i1 %110, i64 %14, i64 0
  %131 = getelementptr i32, ptr %13, i64 %41
  %132 = getelementptr i32, ptr %131, i64 %130
  %133 = load i32, ptr %132, align 4
  %134 = sext i32 %133 to i64
  %135 = icmp slt i32 %133, 0
  %136 = select i1 %135, i64 %16, i64 0
  %137 = getelementptr i32, ptr %15, i64 %136
  %138 = getelementptr i32, ptr %137, i64 %134
  %139 = load i32, ptr %138, align 4
  %140 = icmp sgt i32 %139, -1
  br i1 %140, label %48, label %90

141:
  %142 = add nsw i64 %103, -1
  %143 = add i64 %102, 1
  %144 = select i1 %110, i64 %27, i64 0
  %145 = add i64 %41, %144
  %146 = icmp slt i64 %102, 0
  %147 = select i1 %146, i64 %28, i64 0
  %148 = mul i64 %145, %28
  %149 = getelementptr i32, ptr %26, i64 %148
  %150 = getelementptr i32, ptr %149, i64 %102
  %151 = getelementptr i32, ptr %150, i64 %147
  %152 = load i32, ptr %151, align 4
  %153 = sext i32 %152 to i64
  %154 = icmp slt i64 %129, 0
  %155 = select i1 %154, i64 %2, i64 0
  %156 = add i64 %129, %155
  %157 = icmp slt i32 %152, 0
  %158 = select i1 %157, i64 %3, i64 0
  %159 = mul i64 %156, %3
  %160 = getelementptr i16, ptr %1, i64 %159
  %161 = getelementptr i16, ptr %160, i64 %158
  %162 = getelementptr i16, ptr %161, i64 %153
  %163 = load i16, ptr %162, align 2
  %164 = zext nneg i32 %97 to i64
  %165 = zext i16 %163 to i64
  %166 = select i1 %146, i64 %30, i64 0
  %167 = add i64 %102, %166
  %168 = mul i64 %30, %31
  %169 = mul i64 %168, %164
  %170 = mul i64 %167, %31
  %171 = getelementptr double, ptr %29, i64 %169
  %172 = getelementptr double, ptr %171, i64 %170
  %173 = getelementptr double, ptr %172, i64 %165
  %174 = load double, ptr %173, align 8
  %175 = select i1 %154, i64 %5, i64 0
  %176 = getelementptr double, ptr %4, i64 %129
  %177 = getelementptr double, ptr %176, i64 %175
  %178 = load double, ptr %177, align 8
  %179 = fadd double %174, %178
  store double %179, ptr %173, align 8
  %180 = select i1 %146, i64 %33, i64 0
  %181 = add i64 %102, %180
  %182 = mul i64 %33, %34
  %183 = mul i64 %182, %164
  %184 = mul i64 %181, %34
  %185 = getelementptr double, ptr %32, i64 %183
  %186 = getelementptr double, ptr %185, i64 %184
  %187 = getelementptr double, ptr %186, i64 %165
  %188 = load double, ptr %187, align 8
  %189 = select i1 %154, i64 %7, i64 0
  %190 = getelementptr double, ptr %6, i64 %129
  %191 = getelementptr double, ptr %190, i64 %189
  %192 = load double, ptr %191, align 8
  %193 = fadd double %188, %192
  store double %193, ptr %187, align 8
  %194 = select i1 %146, i64 %36, i64 0
  %195 = add i64 %102, %194
  %196 = mul i64 %36, %37
  %197 = mul i64 %196, %164
  %198 = mul i64 %195, %37
  %199 = getelementptr i64, ptr %35, i64 %197
  %200 = getelementptr i64, ptr %199, i64 %198
  %201 = getelementptr i64, ptr %200, i64 %165
  %202 = load i64, ptr %201, align 8
  %203 = add nsw i64 %202, 1
  store i64 %203, ptr %201, align 8
  br label %101
}

define internal void @7(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, i64 %4, ptr %5, i64 %6, i64 %7, i64 %8, ptr %9, i64 %10, i64 %11, i64 %12, ptr %13, i64 %14, i64 %15, ptr %16, i64 %17, i64 %18, ptr %19, i64 %20, i64 %21, i64 %22, ptr %23, i64 %24, ptr %25, i64 %26, ptr %27, ptr %28, ptr %29, i64 %30, ptr %31, i64 %32, ptr %33, i64 %34, i64 %35, ptr %36, i64 %37, i64 %38, i64 %39, ptr %40, i64 %41, i64 %42) {
  %44 = call i64 @llvm.smax.i64(i64 %2, i64 0)
  br label %45

45:
  %46 = phi i64 [ 0, %43 ], [ %50, %56 ]
  %47 = phi i64 [ %44, %43 ], [ %52, %56 ]
  %48 = icmp sgt i64 %47, 0
  %49 = zext i1 %48 to i64
  %50 = add i64 %46, %49
  %51 = sext i1 %48 to i64
  %52 = add nsw i64 %47, %51
  %53 = select i1 %48, i64 %46, i64 0
  br i1 %48, label %54, label %346

54:
  store double 0.000000e+00, ptr %28, align 8
  %55 = call i64 @llvm.smax.i64(i64 %3, i64 0)
  br label %56

56:
  %57 = phi i64 [ 0, %54 ], [ %61, %133 ]
  %58 = phi i64 [ %55, %54 ], [ %63, %133 ]
  %59 = icmp sgt i64 %58, 0
  %60 = zext i1 %59 to i64
  %61 = add i64 %57, %60
  %62 = sext i1 %59 to i64
  %63 = add nsw i64 %58, %62
  %64 = select i1 %59, i64 %57, i64 0
  br i1 %59, label %65, label %45

65:
  %66 = icmp slt i64 %53, 0
  %67 = select i1 %66, i64 %2, i64 0
  %68 = add i64 %53, %67
  %69 = icmp slt i64 %64, 0
  %70 = select i1 %69, i64 %3, i64 0
  %71 = add i64 %64, %70
  %72 = mul i64 %3, %4
  %73 = mul i64 %68, %72
  %74 = mul i64 %71, %4
  %75 = getelementptr double, ptr %1, i64 %73
  %76 = getelementptr double, ptr %75, i64 %74
  %77 = select i1 %66, i64 %6, i64 0
  %78 = add i64 %53, %77
  %79 = select i1 %69, i64 %7, i64 0
  %80 = add i64 %64, %79
  %81 = mul i64 %7, %8
  %82 = mul i64 %78, %81
  %83 = mul i64 %80, %8
  %84 = getelementptr double, ptr %5, i64 %82
  %85 = getelementptr double, ptr %84, i64 %83
  %86 = select i1 %66, i64 %10, i64 0
  %87 = add i64 %53, %86
  %88 = select i1 %69, i64 %11, i64 0
  %89 = add i64 %64, %88
  %90 = mul i64 %11, %12
  %91 = mul i64 %87, %90
  %92 = mul i64 %89, %12
  %93 = getelementptr i64, ptr %9, i64 %91
  %94 = getelementptr i64, ptr %93, i64 %92
  %95 = select i1 %66, i64 %14, i64 0
  %96 = add i64 %53, %95
  %97 = select i1 %69, i64 %15, i64 0
  %98 = mul i64 %96, %15
  %99 = getelementptr i32, ptr %13, i64 %98
  %100 = getelementptr i32, ptr %99, i64 %64
  %101 = getelementptr i32, ptr %100, i64 %97
  %102 = load i32, ptr %101, align 4
  store double 0.000000e+00, ptr %27, align 8
  %103 = getelementptr i8, ptr %27, i64 8
  store double 0.000000e+00, ptr %103, align 8
  %104 = call i32 @llvm.smax.i32(i32 %102, i32 0)
  br label %105

105:
  %106 = phi i32 [ 0, %65 ], [ %349, %347 ]
  %107 = phi i32 [ %104, %65 ], [ %348, %347 ]
  %108 = phi i64 [ 0, %65 ], [ %368, %347 ]
  %109 = icmp sgt i32 %107, 0
  br i1 %109, label %347, label %110

110:
  %111 = select i1 %66, i64 %17, i64 0
  %112 = add i64 %53, %111
  %113 = select i1 %69, i64 %18, i64 0
  %114 = mul i64 %112, %18
  %115 = getelementptr i8, ptr %16, i64 %114
  %116 = getelementptr i8, ptr %115, i64 %64
  %117 = getelementptr i8, ptr %116, i64 %113
  %118 = load i8, ptr %117, align 1
  %119 = icmp eq i8 %118, 0
  br i1 %119, label %130, label %120

120:
  %121 = select i1 %66, i64 %20, i64 0
  %122 = add i64 %53, %121
  %123 = select i1 %69, i64 %21, i64 0
  %124 = mul i64 %122, %21
  %125 = getelementptr i32, ptr %19, i64 %124
  %126 = getelementptr i32, ptr %125, i64 %64
  %127 = getelementptr i32, ptr %126, i64 %123
  %128 = load i32, ptr %127, align 4
  %129 = icmp sgt i32 %128, -1
  br i1 %129, label %131, label %130

130:
  br label %131

131:
  %132 = phi i64 [ 1, %130 ], [ 2, %120 ]
  br label %133

133:
  %134 = phi i64 [ 0, %131 ], [ %371, %345 ]
  %135 = phi i64 [ %132, %131 ], [ %370, %345 ]
  %136 = icmp sgt i64 %135, 0
  br i1 %136, label %369, label %56

137:
  %138 = icmp eq i64 %134, 1
  br i1 %138, label %139, label %149

139:
  %140 = select i1 %66, i64 %20, i64 0
  %141 = add i64 %53, %140
  %142 = select i1 %69, i64 %21, i64 0
  %143 = mul i64 %141, %21
  %144 = getelementptr i32, ptr %19, i64 %143
  %145 = getelementptr i32, ptr %144, i64 %64
  %146 = getelementptr i32, ptr %145, i64 %142
  %147 = load i32, ptr %146, align 4
  %148 = sext i32 %147 to i64
  store i64 %148, ptr %23, align 8
  br label %149

149:
  %150 = phi i64 [ 1, %139 ], [ 0, %137 ]
  br label %151

151:
  %152 = phi i32 [ 0, %149 ], [ %376, %173 ]
  %153 = phi i32 [ %104, %149 ], [ %375, %173 ]
  %154 = phi i64 [ %150, %149 ], [ %174, %173 ]
  %155 = icmp sgt i32 %153, 0
  br i1 %155, label %374, label %231

156:
  %157 = select i1 %66, i64 %20, i64 0
  %158 = add i64 %53, %157
  %159 = select i1 %69, i64 %21, i64 0
  %160 = mul i64 %158, %21
  %161 = getelementptr i32, ptr %19, i64 %160
  %162 = getelementptr i32, ptr %161, i64 %64
  %163 = getelementptr i32, ptr %162, i64 %159
  %164 = load i32, ptr %163, align 4
  %165 = icmp eq i32 %152, %164
  br i1 %165, label %173, label %166

166:
  %167 = icmp slt i64 %154, 0
  %168 = select i1 %167, i64 %24, i64 0
  %169 = getelementptr i64, ptr %23, i64 %154
  %170 = getelementptr i64, ptr %169, i64 %168
  %171 = sext i32 %152 to i64
  store i64 %171, ptr %170, align 8
  %172 = add nsw i64 %154, 1
  br label %173

173:
  %174 = phi i64 [ %172, %166 ], [ %154, %156 ]
  br label %151

175:
  %176 = phi i32 [ %380, %229 ], [ 0, %369 ]
  %177 = phi i32 [ %379, %229 ], [ %104, %369 ]
  %178 = phi i64 [ %230, %229 ], [ 0, %369 ]
  %179 = icmp sgt i32 %177, 0
  br i1 %179, label %378, label %231

180:
  %181 = select i1 %382, i64 %4, i64 0
  %182 = getelementptr double, ptr %76, i64 %381
  %183 = getelementptr double, ptr %182, i64 %181
  %184 = load double, ptr %183, align 8
  %185 = select i1 %382, i64 %8, i64 0
  %186 = getelementptr double, ptr %85, i64 %381
  %187 = getelementptr double, ptr %186, i64 %185
  %188 = load double, ptr %187, align 8
  %189 = fadd double %188, 1.000000e+01
  %190 = fdiv double %184, %189
  %191 = select i1 %382, i64 %26, i64 0
  %192 = getelementptr double, ptr %25, i64 %381
  %193 = getelementptr double, ptr %192, i64 %191
  store double %190, ptr %193, align 8
  %194 = icmp sgt i64 %178, 0
  br i1 %194, label %195, label %222

195:
  %196 = getelementptr i64, ptr %23, i64 %178
  %197 = getelementptr i8, ptr %196, i64 -8
  %198 = load i64, ptr %197, align 8
  %199 = icmp slt i64 %198, 0
  %200 = select i1 %199, i64 %26, i64 0
  %201 = getelementptr double, ptr %25, i64 %198
  %202 = getelementptr double, ptr %201, i64 %200
  %203 = load double, ptr %202, align 8
  %204 = fcmp ogt double %203, %190
  br i1 %204, label %205, label %222

205:
  %206 = phi i64 [ %178, %195 ], [ %210, %212 ]
  %207 = getelementptr i64, ptr %23, i64 %206
  %208 = getelementptr i8, ptr %207, i64 -8
  %209 = load i64, ptr %208, align 8
  store i64 %209, ptr %207, align 8
  %210 = add nsw i64 %206, -1
  %211 = icmp sgt i64 %206, 1
  br i1 %211, label %212, label %222

212:
  %213 = getelementptr i8, ptr %207, i64 -16
  %214 = load i64, ptr %213, align 8
  %215 = icmp slt i64 %214, 0
  %216 = select i1 %215, i64 %26, i64 0
  %217 = getelementptr double, ptr %25, i64 %214
  %218 = getelementptr double, ptr %217, i64 %216
  %219 = load double, ptr %218, align 8
  %220 = load double, ptr %193, align 8
  %221 = fcmp ogt double %219, %220
  br i1 %221, label %205, label %222

222:
  %223 = phi i64 [ %210, %212 ], [ %210, %205 ], [ %178, %195 ], [ %178, %180 ]
  %224 = icmp slt i64 %223, 0
  %225 = select i1 %224, i64 %24, i64 0
  %226 = getelementptr i64, ptr %23, i64 %223
  %227 = getelementptr i64, ptr %226, i64 %225
  store i64 %381, ptr %227, align 8
  %228 = add nsw i64 %178, 1
  br label %229

229:
  %230 = phi i64 [ %228, %222 ], [ %178, %378 ]
  br label %175

231:
  %232 = phi i64 [ %154, %151 ], [ %178, %175 ]
  %233 = phi double [ 1.000000e+01, %151 ], [ 2.000000e+01, %175 ]
  %234 = load double, ptr %27, align 8
  %235 = fmul double %234, %234
  %236 = load double, ptr %103, align 8
  %237 = fadd double %236, 1.000000e+01
  %238 = fdiv double %235, %237
  %239 = call i64 @llvm.smax.i64(i64 %232, i64 0)
  br label %240

240:
  %241 = phi i64 [ 1, %231 ], [ %272, %268 ]
  %242 = phi i64 [ %239, %231 ], [ %271, %268 ]
  %243 = phi double [ 0.000000e+00, %231 ], [ %284, %268 ]
  %244 = phi double [ 0.000000e+00, %231 ], [ %289, %268 ]
  %245 = phi i64 [ 0, %231 ], [ %294, %268 ]
  %246 = phi i64 [ 0, %231 ], [ %269, %268 ]
  %247 = icmp sgt i64 %242, 0
  br i1 %247, label %270, label %303

248:
  %249 = icmp slt i64 %294, %22
  %250 = fcmp olt double %289, 1.000000e+00
  %251 = select i1 %249, i1 true, i1 %250
  br i1 %251, label %268, label %252

252:
  %253 = fmul double %284, %284
  %254 = fadd double %289, %233
  %255 = fdiv double %253, %254
  %256 = fmul double %296, %296
  %257 = fadd double %298, %233
  %258 = fdiv double %256, %257
  %259 = fadd double %255, %258
  %260 = fsub double %259, %238
  %261 = load double, ptr %28, align 8
  %262 = fcmp ogt double %260, %261
  br i1 %262, label %263, label %268

263:
  store double %260, ptr %28, align 8
  %264 = getelementptr i8, ptr %28, i64 8
  store double %284, ptr %264, align 8
  %265 = getelementptr i8, ptr %28, i64 16
  store double %289, ptr %265, align 8
  %266 = getelementptr i8, ptr %28, i64 24
  store double %296, ptr %266, align 8
  %267 = getelementptr i8, ptr %28, i64 32
  store double %298, ptr %267, align 8
  br label %268

268:
  %269 = phi i64 [ %246, %248 ], [ %241, %263 ], [ %246, %252 ]
  br label %240

270:
  %271 = add nsw i64 %242, -1
  %272 = add i64 %241, 1
  %273 = icmp sgt i64 %241, 0
  %274 = select i1 %273, i64 0, i64 %24
  %275 = getelementptr i64, ptr %23, i64 %241
  %276 = getelementptr i8, ptr %275, i64 -8
  %277 = getelementptr i64, ptr %276, i64 %274
  %278 = load i64, ptr %277, align 8
  %279 = icmp slt i64 %278, 0
  %280 = select i1 %279, i64 %4, i64 0
  %281 = getelementptr double, ptr %76, i64 %278
  %282 = getelementptr double, ptr %281, i64 %280
  %283 = load double, ptr %282, align 8
  %284 = fadd double %243, %283
  %285 = select i1 %279, i64 %8, i64 0
  %286 = getelementptr double, ptr %85, i64 %278
  %287 = getelementptr double, ptr %286, i64 %285
  %288 = load double, ptr %287, align 8
  %289 = fadd double %244, %288
  %290 = select i1 %279, i64 %12, i64 0
  %291 = getelementptr i64, ptr %94, i64 %278
  %292 = getelementptr i64, ptr %291, i64 %290
  %293 = load i64, ptr %292, align 8
  %294 = add nsw i64 %245, %293
  %295 = load double, ptr %27, align 8
  %296 = fsub double %295, %284
  %297 = load double, ptr %103, align 8
  %298 = fsub double %297, %289
  %299 = sub nsw i64 %108, %294
  %300 = icmp slt i64 %299, %22
  %301 = fcmp olt double %298, 1.000000e+00
  %302 = select i1 %300, i1 true, i1 %301
  br i1 %302, label %303, label %248

303:
  %304 = icmp sgt i64 %246, 0
  br i1 %304, label %305, label %345

305:
  %306 = load double, ptr %28, align 8
  %307 = select i1 %66, i64 %30, i64 0
  %308 = getelementptr double, ptr %29, i64 %53
  %309 = getelementptr double, ptr %308, i64 %307
  store double %306, ptr %309, align 8
  %310 = select i1 %66, i64 %32, i64 0
  %311 = getelementptr i32, ptr %31, i64 %53
  %312 = getelementptr i32, ptr %311, i64 %310
  %313 = trunc i64 %64 to i32
  store i32 %313, ptr %312, align 4
  %314 = select i1 %66, i64 %34, i64 0
  %315 = add i64 %53, %314
  %316 = icmp slt i64 %35, 1
  br i1 %316, label %388, label %389

317:
  %318 = phi i64 [ %401, %399 ], [ 0, %391 ]
  %319 = phi i64 [ %400, %399 ], [ %246, %391 ]
  %320 = phi i64 [ %419, %399 ], [ 0, %391 ]
  %321 = icmp sgt i64 %319, 0
  br i1 %321, label %399, label %322

322:
  %323 = getelementptr i8, ptr %28, i64 8
  %324 = load double, ptr %323, align 8
  %325 = getelementptr i8, ptr %28, i64 16
  %326 = load double, ptr %325, align 8
  %327 = select i1 %66, i64 %37, i64 0
  %328 = add i64 %53, %327
  %329 = mul i64 %38, %39
  %330 = mul i64 %328, %329
  %331 = getelementptr double, ptr %36, i64 %330
  store double %324, ptr %331, align 8
  %332 = getelementptr i8, ptr %331, i64 8
  store double %326, ptr %332, align 8
  %333 = getelementptr i8, ptr %28, i64 24
  %334 = load double, ptr %333, align 8
  %335 = getelementptr i8, ptr %28, i64 32
  %336 = load double, ptr %335, align 8
  %337 = getelementptr double, ptr %331, i64 %39
  store double %334, ptr %337, align 8
  %338 = getelementptr i8, ptr %337, i64 8
  store double %336, ptr %338, align 8
  %339 = sub nsw i64 %108, %320
  %340 = select i1 %66, i64 %41, i64 0
  %341 = add i64 %53, %340
  %342 = mul i64 %341, %42
  %343 = getelementptr i64, ptr %40, i64 %342
  store i64 %320, ptr %343, align 8
  %344 = getelementptr i8, ptr %343, i64 8
  store i64 %339, ptr %344, align 8
  br label %345

345:
  br label %133

346:
  store ptr null, ptr %0, align 8
  ret void

347:
  %348 = add nsw i32 %107, -1
  %349 = add i32 %106, 1
  %350 = sext i32 %106 to i64
  %351 = load double, ptr %27, align 8
  %352 = icmp slt i32 %106, 0
  %353 = select i1 %352, i64 %4, i64 0
  %354 = getelementptr double, ptr %76, i64 %350
  %355 = getelementptr double, ptr %354, i64 %353
  %356 = load double, ptr %355, align 8
  %357 = fadd double %351, %356
  store double %357, ptr %27, align 8
  %358 = load double, ptr %103, align 8
  %359 = select i1 %352, i64 %8, i64 0
  %360 = getelementptr double, ptr %85, i64 %350
  %361 = getelementptr double, ptr %360, i64 %359
  %362 = load double, ptr %361, align 8
  %363 = fadd double %358, %362
  store double %363, ptr %103, align 8
  %364 = select i1 %352, i64 %12, i64 0
  %365 = getelementptr i64, ptr %94, i64 %350
  %366 = getelementptr i64, ptr %365, i64 %364
  %367 = load i64, ptr %366, align 8
  %368 = add nsw i64 %108, %367
  br label %105

369:
  %370 = add nsw i64 %135, -1
  %371 = add i64 %134, 1
  %372 = load i8, ptr %117, align 1
  %373 = icmp eq i8 %372, 0
  br i1 %373, label %175, label %137

374:
  %375 = add nsw i32 %153, -1
  %376 = add i32 %152, 1
  %377 = icmp eq i64 %134, 0
  br i1 %377, label %166, label %156

378:
  %379 = add nsw i32 %177, -1
  %380 = add i32 %176, 1
  %381 = sext i32 %176 to i64
  %382 = icmp slt i32 %176, 0
  %383 = select i1 %382, i64 %12, i64 0
  %384 = getelementptr i64, ptr %94, i64 %381
  %385 = getelementptr i64, ptr %384, i64 %383
  %386 = load i64, ptr %385, align 8
  %387 = icmp sgt i64 %386, 9
  br i1 %387, label %180, label %229

388:
  br label %389

389:
  %390 = phi i64 [ %35, %388 ], [ 0, %305 ]
  br label %391

391:
  %392 = phi i64 [ %390, %389 ], [ %398, %394 ]
  %393 = icmp slt i64 %392, %35
  br i1 %393, label %394, label %317

394:
  %395 = mul i64 %315, %35
  %396 = getelementptr i8, ptr %33, i64 %395
  %397 = getelementptr i8, ptr %396, i64 %392
  store i8 0, ptr %397, align 1
  %398 = add nsw i64 %392, 1
  br label %391

399:
  %400 = add nsw i64 %319, -1
  %401 = add i64 %318, 1
  %402 = icmp slt i64 %318, 0
  %403 = select i1 %402, i64 %24, i64 0
  %404 = getelementptr i64, ptr %23, i64 %318
  %405 = getelementptr i64, ptr %404, i64 %403
  %406 = load i64, ptr %405, align 8
  %407 = icmp slt i64 %406, 0
  %408 = select i1 %407, i64 %35, i64 0
  %409 = mul i64 %315, %35
  %410 = getelementptr i8, ptr %33, i64 %409
  %411 = getelementptr i8, ptr %410, i64 %406
  %412 = getelementptr i8, ptr %411, i64 %408
  store i8 1, ptr %412, align 1
  %413 = load i64, ptr %405, align 8
  %414 = icmp slt i64 %413, 0
  %415 = select i1 %414, i64 %12, i64 0
  %416 = getelementptr i64, ptr %94, i64 %413
  %417 = getelementptr i64, ptr %416, i64 %415
  %418 = load i64, ptr %417, align 8
  %419 = add nsw i64 %320, %418
  br label %317
}

declare i64 @llvm.smin.i64(i64, i64)

declare i64 @llvm.smax.i64(i64, i64)

declare i32 @llvm.smax.i32(i32, i32)
