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

define i64 @forest._leaves(ptr %0, ptr %1, ptr %2, ptr %3, ptr %4, ptr %5, ptr %6, ptr %7, ptr %8) {
  %10 = load i64, ptr %0, align 8
  %11 = call i1 @0(ptr nonnull %0, ptr %1, i64 3, i32 2, i32 257)
  br i1 %11, label %14, label %12

12:
  %13 = phi i64 [ 0, %69 ], [ -1, %9 ], [ -2, %14 ], [ -3, %23 ], [ -4, %32 ], [ -5, %39 ], [ -6, %46 ], [ -7, %53 ], [ -8, %62 ]
  ret i64 %13

14:
  %15 = getelementptr i8, ptr %1, i64 %10
  %16 = load ptr, ptr %15, align 8
  %17 = getelementptr i8, ptr %15, i64 16
  %18 = load ptr, ptr %17, align 8
  %19 = getelementptr i8, ptr %18, i64 8
  %20 = load i64, ptr %19, align 8
  %21 = load i64, ptr %18, align 8
  %22 = call i1 @0(ptr nonnull %0, ptr %2, i64 8, i32 1, i32 257)
  br i1 %22, label %23, label %12

23:
  %24 = getelementptr i8, ptr %2, i64 %10
  %25 = load ptr, ptr %24, align 8
  %26 = getelementptr i8, ptr %24, i64 16
  %27 = load ptr, ptr %26, align 8
  %28 = load i64, ptr %27, align 8
  %29 = shl i64 %28, 2
  %30 = ashr exact i64 %29, 2
  %31 = call i1 @0(ptr nonnull %0, ptr %3, i64 8, i32 1, i32 257)
  br i1 %31, label %32, label %12

32:
  %33 = getelementptr i8, ptr %3, i64 %10
  %34 = load ptr, ptr %33, align 8
  %35 = getelementptr i8, ptr %33, i64 16
  %36 = load ptr, ptr %35, align 8
  %37 = load i64, ptr %36, align 8
  %38 = call i1 @0(ptr nonnull %0, ptr %4, i64 8, i32 1, i32 257)
  br i1 %38, label %39, label %12

39:
  %40 = getelementptr i8, ptr %4, i64 %10
  %41 = load ptr, ptr %40, align 8
  %42 = getelementptr i8, ptr %40, i64 16
  %43 = load ptr, ptr %42, align 8
  %44 = load i64, ptr %43, align 8
  %45 = call i1 @0(ptr nonnull %0, ptr %5, i64 8, i32 1, i32 257)
  br i1 %45, label %46, label %12

46:
  %47 = getelementptr i8, ptr %5, i64 %10
  %48 = load ptr, ptr %47, align 8
  %49 = getelementptr i8, ptr %47, i64 16
  %50 = load ptr, ptr %49, align 8
  %51 = load i64, ptr %50, align 8
  %52 = call i1 @0(ptr nonnull %0, ptr %6, i64 12, i32 2, i32 257)
  br i1 %52, label %53, label %12

53:
  %54 = getelementptr i8, ptr %6, i64 %10
  %55 = load ptr, ptr %54, align 8
  %56 = getelementptr i8, ptr %54, i64 16
  %57 = load ptr, ptr %56, align 8
  %58 = getelementptr i8, ptr %57, i64 8
  %59 = load i64, ptr %58, align 8
  %60 = load i64, ptr %57, align 8
  %61 = call i1 @0(ptr nonnull %0, ptr %7, i64 8, i32 1, i32 257)
  br i1 %61, label %62, label %12

62:
  %63 = getelementptr i8, ptr %7, i64 %10
  %64 = load ptr, ptr %63, align 8
  %65 = getelementptr i8, ptr %63, i64 16
  %66 = load ptr, ptr %65, align 8
  %67 = load i64, ptr %66, align 8
  %68 = call i1 @0(ptr nonnull %0, ptr %8, i64 8, i32 2, i32 1281)
  br i1 %68, label %69, label %12

69:
  %70 = getelementptr i8, ptr %8, i64 %10
  %71 = load ptr, ptr %70, align 8
  %72 = getelementptr i8, ptr %70, i64 16
  %73 = load ptr, ptr %72, align 8
  %74 = getelementptr i8, ptr %73, i64 8
  %75 = load i64, ptr %74, align 8
  %76 = load i64, ptr %73, align 8
  %77 = alloca ptr, align 8
  call void @1(ptr nonnull %77, ptr %16, i64 %21, i64 %20, i64 %30, ptr %25, i64 %28, ptr %34, i64 %37, ptr %41, i64 %44, ptr %48, i64 %51, ptr %55, i64 %60, i64 %59, ptr %64, i64 %67, ptr %71, i64 %76, i64 %75)
  br label %12
}

define internal void @1(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, i64 %4, ptr %5, i64 %6, ptr %7, i64 %8, ptr %9, i64 %10, ptr %11, i64 %12, ptr %13, i64 %14, i64 %15, ptr %16, i64 %17, ptr %18, i64 %19, i64 %20) {
  %22 = call i64 @llvm.smax.i64(i64 %2, i64 0)
  br label %23

23:
  %24 = phi i64 [ 0, %21 ], [ %92, %27 ]
  %25 = phi i64 [ %22, %21 ], [ %91, %27 ]
  %26 = icmp sgt i64 %25, 0
  br i1 %26, label %90, label %89

27:
  %28 = phi i64 [ 0, %90 ], [ %96, %73 ]
  %29 = phi i64 [ %93, %90 ], [ %95, %73 ]
  %30 = icmp sgt i64 %29, 0
  br i1 %30, label %94, label %23

31:
  %32 = phi i1 [ %103, %94 ], [ %67, %31 ]
  %33 = phi i64 [ %104, %94 ], [ %68, %31 ]
  %34 = phi i32 [ %101, %94 ], [ %65, %31 ]
  %35 = sext i32 %34 to i64
  %36 = getelementptr i32, ptr %7, i64 %33
  %37 = getelementptr i32, ptr %36, i64 %35
  %38 = load i32, ptr %37, align 4
  %39 = sext i32 %38 to i64
  %40 = icmp slt i64 %24, 0
  %41 = select i1 %40, i64 %2, i64 0
  %42 = add i64 %24, %41
  %43 = icmp slt i32 %38, 0
  %44 = select i1 %43, i64 %3, i64 0
  %45 = mul i64 %42, %3
  %46 = getelementptr i16, ptr %1, i64 %45
  %47 = getelementptr i16, ptr %46, i64 %44
  %48 = getelementptr i16, ptr %47, i64 %39
  %49 = load i16, ptr %48, align 2
  %50 = zext i16 %49 to i64
  %51 = select i1 %32, i64 %14, i64 0
  %52 = add i64 %51, %35
  %53 = mul i64 %52, %15
  %54 = getelementptr i8, ptr %13, i64 %53
  %55 = getelementptr i8, ptr %54, i64 %50
  %56 = load i8, ptr %55, align 1
  %57 = icmp eq i8 %56, 0
  %58 = icmp slt i32 %34, 0
  %59 = select i1 %58, i64 %10, i64 0
  %60 = getelementptr i32, ptr %9, i64 %59
  %61 = select i1 %58, i64 %12, i64 0
  %62 = getelementptr i32, ptr %11, i64 %61
  %63 = select i1 %57, ptr %62, ptr %60
  %64 = getelementptr i32, ptr %63, i64 %35
  %65 = load i32, ptr %64, align 4
  %66 = sext i32 %65 to i64
  %67 = icmp slt i32 %65, 0
  %68 = select i1 %67, i64 %8, i64 0
  %69 = getelementptr i32, ptr %7, i64 %68
  %70 = getelementptr i32, ptr %69, i64 %66
  %71 = load i32, ptr %70, align 4
  %72 = icmp sgt i32 %71, -1
  br i1 %72, label %31, label %73

73:
  %74 = phi i1 [ %103, %94 ], [ %67, %31 ]
  %75 = phi i32 [ %101, %94 ], [ %65, %31 ]
  %76 = sext i32 %75 to i64
  %77 = select i1 %74, i64 %17, i64 0
  %78 = getelementptr i32, ptr %16, i64 %77
  %79 = getelementptr i32, ptr %78, i64 %76
  %80 = load i32, ptr %79, align 4
  %81 = icmp slt i64 %24, 0
  %82 = select i1 %81, i64 %19, i64 0
  %83 = add i64 %24, %82
  %84 = select i1 %97, i64 %20, i64 0
  %85 = mul i64 %83, %20
  %86 = getelementptr i32, ptr %18, i64 %85
  %87 = getelementptr i32, ptr %86, i64 %28
  %88 = getelementptr i32, ptr %87, i64 %84
  store i32 %80, ptr %88, align 4
  br label %27

89:
  store ptr null, ptr %0, align 8
  ret void

90:
  %91 = add nsw i64 %25, -1
  %92 = add i64 %24, 1
  %93 = call i64 @llvm.smax.i64(i64 %4, i64 0)
  br label %27

94:
  %95 = add nsw i64 %29, -1
  %96 = add i64 %28, 1
  %97 = icmp slt i64 %28, 0
  %98 = select i1 %97, i64 %6, i64 0
  %99 = getelementptr i32, ptr %5, i64 %28
  %100 = getelementptr i32, ptr %99, i64 %98
  %101 = load i32, ptr %100, align 4
  %102 = sext i32 %101 to i64
  %103 = icmp slt i32 %101, 0
  %104 = select i1 %103, i64 %8, i64 0
  %105 = getelementptr i32, ptr %7, i64 %104
  %106 = getelementptr i32, ptr %105, i64 %102
  %107 = load i32, ptr %106, align 4
  %108 = icmp sgt i32 %107, -1
  br i1 %108, label %31, label %73
}

declare i64 @llvm.smax.i64(i64, i64)
